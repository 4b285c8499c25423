"""Two people in two browsers: they sign up, one tops up and sends, the other sees it arrive live."""

import pathlib
import re
import sys

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from person import CHROMIUM, DESKTOP, PHONE, Person
from running_florin import PASSWORD, running_florin


# What a person types, in a browser that writes 1,250.50, and the minor units it must become.
AMOUNTS = [
    ("250", "KES", 25_000), ("250.5", "KES", 25_050), ("1,250.50", "KES", 125_050),
    ("1.250,50", "KES", 125_050), ("1,250", "KES", 125_000), ("12,5", "KES", 1_250),
    ("0.07", "KES", 7), ("1 000", "KES", 100_000), ("92,233,720,368.54", "KES", 9_223_372_036_854),
    ("1250", "UGX", 1_250), ("1,250", "UGX", 1_250), ("1.234", "KWD", 1_234),
    ("", "KES", None), ("0", "KES", None), ("-5", "KES", None), ("1.250", "KES", None),
    ("1.5", "UGX", None), ("abc", "KES", None), ("1e5", "KES", None), ("1,2,3", "KES", None),
    ("99999999999999999999", "KES", None), ("٣", "KES", None), (".5", "KES", None),
]


def main():
    with running_florin() as florin, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        asha = Customer(browser, florin, "asha_page", PHONE)
        brian = Customer(browser, florin, "brian_page", DESKTOP)

        amounts_are_read_exactly(asha.page)
        refusals_stand_beside_their_field(asha)
        asha.sign_up()
        brian.page.get_by_role("button", name="Create a wallet").click()
        brian.sign_up()
        asha.top_up("1,000")
        too_much_is_refused_with_the_facts(asha)
        asha.send(brian, "250.50", "Lunch on Saturday")
        it_arrives_live(brian)
        asha.sees_balance("749.50")
        a_request_is_paid(asha, brian)
        a_reload_keeps_the_session(asha)
        asha.log_out()

        asha.had_no_faults()
        brian.had_no_faults()
        browser.close()
        florin.command("audit")
    print("page: two people paid each other")


class Customer(Person):
    def had_no_faults(self):
        assert self.faults == [], f"{self.username}: {self.faults}"
        self.fits()

    def sign_up(self):
        self.gets_a_wallet()
        expect(self.page.get_by_text("Nothing yet")).to_be_visible()
        expect(self.page.get_by_text("Live", exact=True)).to_be_visible()

    def top_up(self, amount):
        self.tops_up(amount)
        self.sees_balance(f"{amount}.00")

    def send(self, other, amount, note):
        self.press("Send")
        self.fill("To", other.username)
        self.fill("Amount in KES", amount)
        self.dialog.get_by_label("Note").fill(note)
        self.press("Continue")
        expect(self.dialog.get_by_text(f"to @{other.username}")).to_be_visible()
        expect(self.dialog.get_by_text("Fee", exact=True)).to_be_visible()
        self.dialog.get_by_role("button", name="Send KES").click()
        expect(self.dialog.get_by_role("heading", name="Sent")).to_be_visible()
        self.press("Done")

    def sees_balance(self, amount):
        balance = self.page.get_by_role("region", name="Balance")
        expect(balance.get_by_text(f"KES\u00a0{amount}")).to_be_attached()

    def log_out(self):
        self.press("Log out")
        expect(self.page.get_by_role("heading", name="Log in")).to_be_visible()


def amounts_are_read_exactly(page):
    read = """([text, currency]) => import('/app/money.js').then((money) => {
        try { return money.read(text, currency); } catch { return null; }
    })"""
    for text, currency, expected in AMOUNTS:
        got = page.evaluate(read, [text, currency])
        assert got == expected, f"{text!r} {currency}: read as {got}, not {expected}"


def refusals_stand_beside_their_field(person):
    person.press("Create a wallet")
    person.fill("Phone", "0712 345 678")
    person.fill("Username", person.username)
    person.fill("Password", PASSWORD)
    person.press("Create wallet")
    phone = person.page.get_by_label("Phone")
    expect(phone).to_be_focused()
    expect(phone).to_have_accessible_description(re.compile("country code"))


def too_much_is_refused_with_the_facts(person):
    person.press("Send")
    person.fill("To", "brian_page")
    person.fill("Amount in KES", "5,000")
    person.press("Continue")
    expect(person.dialog.get_by_text(re.compile("You have KES.1,000.00 available"))).to_be_visible()
    person.fill("To", person.username)
    person.fill("Amount in KES", "5")
    person.press("Continue")
    expect(person.page.get_by_label("To", exact=True)).to_have_accessible_description(
        re.compile("yourself"))
    person.page.keyboard.press("Escape")
    expect(person.dialog).to_have_count(0)


def it_arrives_live(person):
    person.sees_balance("250.50")
    row = person.page.get_by_role("button", name="From @asha_page")
    expect(row).to_contain_text("Lunch on Saturday")
    expect(person.page.locator("#toasts")).to_contain_text("From @asha_page")
    row.click()
    expect(person.dialog.get_by_text("Balance after")).to_be_visible()
    person.press("Close")


def a_request_is_paid(payer, asker):
    asker.press("Request")
    asker.fill("From", payer.username)
    asker.fill("Amount in KES", "49.50")
    asker.dialog.get_by_label("Note").fill("Bus")
    asker.press("Ask")
    asked = payer.page.get_by_role("listitem").filter(has_text="asks you for")
    expect(asked).to_contain_text("Bus")
    asked.get_by_role("button", name=re.compile("^Pay")).click()
    expect(payer.dialog.get_by_text(f"to @{asker.username}")).to_be_visible()
    expect(payer.dialog.get_by_text("Fee", exact=True)).to_be_visible()
    payer.dialog.get_by_role("button", name="Pay KES").click()
    payer.press("Done")
    expect(asked).to_have_count(0)
    payer.sees_balance("700.00")
    asker.sees_balance("300.00")


def a_reload_keeps_the_session(person):
    person.page.reload()
    person.sees_balance("700.00")
    expect(person.page.get_by_role("button", name="To @brian_page").first).to_be_visible()


main()
