"""Three people, no network: a payment, a second hop, a third, and then the server finds out.

Narrated, on a server and with terminal wallets of its own, which are gone afterwards. `make offline-demo` runs
it, and so do the tests, with the people coming back online in another order each time."""

import argparse
import itertools
import pathlib
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from offline_people import Refused, Terminal, hop
from running_florin import running_florin

NAMES = ("amina", "brian", "carol")
DAYS_BETWEEN = 5
# Two weeks without a case, after which money may pass through three hands.
TIMES_ONLINE = 3
MONEY = 2_000_00
LOCKED = 1_000_00


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--order", default="cab", help="who is online first, by initials, such as cab")
    parser.add_argument("--every-order", action="store_true", help="all six, quietly; for tests")
    options = parser.parse_args()
    orders = ["".join(order) for order in itertools.permutations("abc")]
    if options.every_order:
        for order in orders:
            Demo(order, say=lambda *_: None).run()
        return print("offline demo: three hops settle in any of six orders, books clean")
    if options.order not in orders:
        parser.error("the order has each of a, b and c once")
    Demo(options.order, say=print).run()


class Demo:
    def __init__(self, order, say):
        self.order, self.say = order, say

    def run(self):
        with running_florin() as florin, tempfile.TemporaryDirectory() as folder:
            self.florin, self.folder = florin, pathlib.Path(folder)
            self.prepare()
            self.go_dark()
            self.pay()
            self.come_back()
            self.check_the_books()

    # MARK: Chapters

    def prepare(self):
        self.say("== Online, beforehand")
        self.people = {name: Terminal.sign_up(self.florin, name, self.folder / name) for name in NAMES}
        for name, person in self.people.items():
            person.wallet("topup", major(MONEY))
            wallet = person.offline("enrol")["wallet"]
            self.say(f"{name} has KES {major(MONEY)} and makes a terminal an offline wallet, {wallet}")
        # Wallets are trusted with more hops after two weeks; each time online renews the certificate.
        for _ in range(TIMES_ONLINE):
            self.florin.expect(
                200, "POST", "/sandbox/clock", {"advance_seconds": DAYS_BETWEEN * 86_400})
            for person in self.people.values():
                person.offline("sync")
        state = self.people["amina"].offline("top-up", major(LOCKED))
        self.say(f"Two weeks later amina locks KES {major(LOCKED)} for paying offline.")
        assert state["balance"] == LOCKED, state

    def go_dark(self):
        self.say("\n== The server stops. From here on nobody reaches anybody but by showing a screen.")
        self.florin.stop()
        try:
            self.people["amina"].wallet("balance")
            raise AssertionError("the server is still there")
        except Refused as refused:
            assert refused.code == "network", refused

    def pay(self):
        amina, brian, carol = self.people.values()
        self.times = []
        self.passed(amina, brian, 400_00, hops=1)
        self.passed(brian, carol, 250_00, hops=2)
        self.passed(carol, amina, 100_00, hops=3)
        lists = {name: person.offline("list") for name, person in self.people.items()}
        offline = {name: each["balance"] for name, each in lists.items()}
        assert offline == {"amina": 700_00, "brian": 150_00, "carol": 150_00}, offline
        # The fourth hand would be one too many: amina may only put it online.
        assert [each["hop"] for each in lists["amina"]["received"]] == [3], lists["amina"]
        self.say("In the three wallets: " + ", ".join(
            f"{name} {major(amount)}" for name, amount in offline.items()))

    def passed(self, payer, payee, amount, hops):
        payment, taken, (asked, paid, accepted) = hop(payer, payee, major(amount))
        taken_again = payee.offline("accept", payment["text"])
        assert taken_again["code"] == taken["code"]
        payer.offline("accept", taken["text"])
        state = payer.offline("list")["sent"][-1]["state"]
        assert state == "acknowledged", state
        self.times.append((hops, asked, paid, accepted, len(payment["text"])))
        self.say(
            f"hop {hops}: {payer.name} pays {payee.name} KES {major(amount)}; both screens show "
            f"{payment['code']}.\n       asked in {asked:.2f} s, signed in {paid:.2f} s, verified and "
            f"stored in {accepted:.2f} s; the code has {len(payment['text'])} characters")

    def come_back(self):
        by_initial = {name[0]: name for name in NAMES}
        self.say("\n== The server is back. They come online one after the other.")
        self.florin.start()
        for name in (by_initial[initial] for initial in self.order):
            done = self.people[name].offline("sync")
            fates = ", ".join(sorted(result["status"] for result in done["results"]))
            self.say(f"{name} shows {done['shown']} records: {fates}")
        for name in (by_initial[initial] for initial in self.order):
            # Carol's part of what Brian has received is his to deposit only as far as it is his.
            self.people[name].offline("deposit", "--yes")
        for name, person in self.people.items():
            person.offline("sync")
            sent = person.offline("list")["sent"]
            assert all(each["state"] == "settled" for each in sent), (name, sent)

    def check_the_books(self):
        self.say("\n== In the end")
        online = {name: person.online() for name, person in self.people.items()}
        offline = {name: person.offline("list")["balance"] for name, person in self.people.items()}
        for name in NAMES:
            self.say(f"{name}: {major(online[name])} online, {major(offline[name])} offline")
        assert online == {
            "amina": MONEY - LOCKED + 100_00, "brian": MONEY + 150_00, "carol": MONEY + 150_00}, online
        assert offline == {"amina": LOCKED - 400_00, "brian": 0, "carol": 0}, offline
        audit = self.florin.command("audit")
        self.say("florin audit:\n" + "\n".join("    " + line for line in audit.splitlines()))


def major(amount):
    return f"{amount // 100}.{amount % 100:02}"


main()
