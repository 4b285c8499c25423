"""Two people in two browsers pay each other while neither has a network, and settle when it is back."""

import os
import pathlib
import re
import sys

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from person import CHROMIUM, DESKTOP, PHONE, Person
from running_florin import running_florin

# Where pictures of the screens go, for people; none are taken unless it is set.
SCREENS = os.environ.get("FLORIN_SCREENS")


def main():
    with running_florin() as florin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        asha, brian = (OfflinePerson(browser, florin, "asha_off", PHONE),
                       OfflinePerson(browser, florin, "brian_off", DESKTOP))
        asha.begins_with("2,000")
        brian.begins_with("10")
        asha.tops_up_offline("500")
        the_key_cannot_be_read(asha)

        for person in (asha, brian):
            person.loses_the_network()
        a_payment_passes(asha, brian, "200", "Tea")
        damaged_and_foreign_codes_are_refused(asha, brian)
        # What was received is passed on: the second hop.
        a_payment_passes(brian, asha, "50", "Change")
        a_payment_that_nobody_takes(asha, brian)
        asha.has_offline("340.00")
        brian.has_offline("150.00")

        everything_settles(asha, brian)
        money_goes_back(asha, brian)

        for person in (asha, brian):
            assert person.faults == [], f"{person.username}: {person.faults}"
        browser.close()
        florin.command("audit")
    print("offline: two browsers paid each other without a network, twice, and settled")


class OfflinePerson(Person):
    def picture(self, name):
        if SCREENS:
            self.page.screenshot(path=f"{SCREENS}/{self.username}-{name}.png")
        self.fits(name)

    def begins_with(self, amount):
        if self.page.get_by_role("button", name="Create a wallet").is_visible():
            self.press("Create a wallet")
        self.gets_a_wallet()
        self.tops_up(amount)
        self.press("Offline")
        self.picture("offer")
        self.press("Set it up")
        self.has_offline("0.00")

    def tops_up_offline(self, amount):
        self.tops_up(amount)
        self.has_offline(f"{amount}.00")
        self.picture("ready")

    def has_offline(self, amount):
        balance = self.page.get_by_role("region", name="Offline balance")
        expect(balance.get_by_text(f"KES\u00a0{amount}", exact=True)).to_be_attached()

    def loses_the_network(self):
        # The worker keeps the page before the network may go.
        self.page.evaluate("navigator.serviceWorker.ready.then(() => true)")
        self.page.context.set_offline(True)
        self.page.reload()
        expect(self.page.get_by_text("No network", exact=True)).to_be_visible()

    def asks(self, amount, memo):
        self.press("Ask")
        self.page.get_by_label("Amount in KES").fill(amount)
        self.dialog.get_by_label("What for").fill(memo)
        self.press("Show the code")
        expect(self.dialog.get_by_role("img", name="QR code")).to_be_visible()
        return self.code

    def scans(self, text):
        self.press("Pay")
        self.page.get_by_label("Code as text").fill(text)
        self.press("Continue")

    @property
    def code(self):
        return self.dialog.get_by_label("The code as text").input_value()

    @property
    def number(self):
        return self.dialog.get_by_label("Number to compare").inner_text()

    def closes(self):
        self.press("Close")
        expect(self.dialog).to_have_count(0)


def the_key_cannot_be_read(person):
    readable = person.page.evaluate("""async () => {
        const { walletsOf } = await import('/app/offline/store.js');
        const [row] = await walletsOf(localStorage.getItem('florin.account'));
        const formats = ['pkcs8', 'jwk', 'raw'].map((format) => crypto.subtle.exportKey(format, row.key)
            .then(() => true, () => false));
        return row.key.extractable || (await Promise.all(formats)).some(Boolean);
    }""")
    assert readable is False


def a_payment_passes(payer, payee, amount, memo):
    request = payee.asks(amount, memo)
    payee.picture("request")
    payee.closes()
    payer.scans(request)
    expect(payer.dialog.get_by_text(f"to {payee.username}")).to_be_visible()
    payer.picture("confirm")
    payer.press(f"Pay KES\u00a0{amount}.00")
    expect(payer.dialog.get_by_role("img", name="QR code")).to_be_visible()
    payer.picture("payment")
    payment, number = payer.code, payer.number
    payer.closes()
    payee.scans(payment)
    expect(payee.dialog.get_by_role("heading", name="Received")).to_be_visible()
    payee.picture("received")
    assert payee.number == number
    payee.press("Show a receipt")
    expect(payee.dialog.get_by_role("img", name="QR code")).to_be_visible()
    receipt = payee.code
    payee.closes()
    # Taking it again changes nothing.
    payee.scans(payment)
    expect(payee.dialog.get_by_role("heading", name="Received")).to_be_visible()
    payee.press("Done")
    payer.scans(receipt)
    expect(payer.dialog).to_have_count(0)
    expect(payer.page.get_by_role("button", name=re.compile(f"^To {payee.username}"))).to_have_count(1)


def damaged_and_foreign_codes_are_refused(asha, brian):
    request = brian.asks("10", "Not this one")
    brian.closes()
    # Another character somewhere in the middle: what it says changes, the signature does not.
    damaged = request[:300] + ("A" if request[300] != "A" else "B") + request[301:]
    refusal = asha.page.get_by_role("alert").filter(has_text=re.compile("not genuine|damaged|not the one|no code"))
    asha.scans(damaged)
    expect(refusal).to_be_visible()
    asha.closes()
    asha.scans("https://example.com")
    expect(asha.page.get_by_role("alert").filter(has_text="no code of Florin")).to_be_visible()
    asha.closes()
    brian.scans(request)
    expect(brian.page.get_by_role("alert").filter(has_text="your own request")).to_be_visible()
    brian.closes()


def a_payment_that_nobody_takes(payer, payee):
    request = payee.asks("10", "Never scanned")
    payee.closes()
    payer.scans(request)
    payer.press("Pay KES\u00a010.00")
    payer.closes()
    payer.page.get_by_role("button", name=re.compile(f"^To {payee.username} ?Never scanned")).click()
    payer.press("They did not get it")
    expect(payer.dialog).to_have_count(0)
    payer.picture("history")


def everything_settles(asha, brian):
    # Nobody presses anything: the network is back, and that is enough.
    for person, memo in ((asha, "Tea"), (brian, "Change")):
        person.page.context.set_offline(False)
        expect(person.page.get_by_text("Network", exact=True)).to_be_visible()
        expect(person.page.get_by_role("button", name=f"{memo} · Settled")).to_be_visible()
    expect(asha.page.get_by_role("button", name="Never scanned · Not delivered")).to_be_visible()
    asha.press("Sync")
    asha.has_offline("340.00")
    brian.has_offline("150.00")


def money_goes_back(asha, brian):
    brian.press("Move back")
    brian.press("Move KES\u00a0150.00 to the wallet")
    expect(brian.dialog).to_have_count(0)
    brian.has_offline("0.00")
    brian.press("Back to the wallet")
    balance = brian.page.get_by_role("region", name="Balance")
    expect(balance.get_by_text("KES\u00a0160.00")).to_be_attached()
    brian.picture("wallet")
    asha.press("Back to the wallet")
    balance = asha.page.get_by_role("region", name="Balance")
    expect(balance.get_by_text("KES\u00a01,500.00")).to_be_attached()
    asha.picture("wallet")


main()
