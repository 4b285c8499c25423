"""What the rows share: one installation with seeded people, its server, its books, and TPC-B."""

import functools
import time

import database
import wrk
from books import Books

AMOUNT = 1
CONNECTIONS = 256
WARM_UP_SECONDS = 2


class Bench:
    def __init__(self, installation, options):
        self.installation = installation
        self.seconds = options.seconds
        self.rounds = options.rounds
        self.long = options.long
        self.load_seconds = options.load_seconds
        self.grown_transfers = options.grown_transfers
        self.grown_accounts = options.grown_accounts
        self.people = options.people
        self.books = None
        self.server = installation.serve()

    def __enter__(self):
        try:
            self.prepare()
        except BaseException:
            self.server.end()
            raise
        return self

    def __exit__(self, *_):
        self.server.end()

    def prepare(self):
        self.conninfo = self.installation.command("database-url").strip()
        database.require_durability(self.conninfo)

    def populate(self):
        """Makes the people who pay each other, once, and checks each answer to a few payments."""
        if self.books is not None:
            return
        began = time.monotonic()
        self.tokens = self.installation.seed(self.people)
        self.say(f"seeded {self.people} people in {time.monotonic() - began:.1f} s")
        self.books = Books(self.installation, self.conninfo)
        self.pay(connections=8, seconds=WARM_UP_SECONDS, strict=1)
        # Everyone's session and wallet is met once, so that no figure pays for it.
        self.pay(connections=256, seconds=2 * WARM_UP_SECONDS)

    def say(self, text):
        print(text, flush=True)

    def stop(self):
        self.server.stop()

    def restart(self):
        self.server.stop()
        self.server = self.installation.serve()
        return self.server

    @functools.cached_property
    def tpcb(self):
        self.say("preparing TPC-B")
        return database.TPCB(self.conninfo)

    @functools.cached_property
    def peak(self):
        """Transfers a second of the uniform load, for rows that ask for a part of it."""
        return self.pay(CONNECTIONS, self.seconds).rate

    @property
    def payments(self):
        """What every script that pays is told."""
        return {"tokens": self.tokens, "amount": AMOUNT}

    def pay(self, connections, seconds, **options):
        """Single transfers on the one server."""
        run = wrk.drive(
            self.server.url, "payments.lua", {**self.payments, **options}, connections, seconds)
        self.books.expect(answered=run.answered, sent=run.sent)
        return run

    def alternate(self, *measurements):
        """Runs the measurements in turn, round after round: the results of each, in order.

        What disturbs the machine for a while so disturbs them alike.
        """
        results = [[] for _ in measurements]
        for _ in range(self.rounds):
            for measure, taken in zip(measurements, results):
                taken.append(measure())
        return results
