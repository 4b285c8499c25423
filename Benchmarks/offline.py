"""Rows of offline payments: what phones have signed, shown to the server at once."""

from figures import Figure
from ledger import numbers

# Wallets that pay in one round, and others that sync; each with so many payments.
WALLETS = 250
SYNCS = 100
PAYMENTS = 40


def settle(bench):
    rounds, syncs = measure(bench)
    yield Figure(
        "offline_settle", f"{PAYMENTS * WALLETS:,} payments in uploads of 120", "payments/s",
        least=1_500, aim=3_000, rounds=rounds)


def sync(bench):
    rounds, syncs = measure(bench)
    yield Figure(
        "offline_sync", f"{PAYMENTS} records of one phone, p99", "ms", least=100, aim=50,
        less_is_better=True, rounds=[number / 1000 for number in syncs])


def measure(bench):
    """Both figures of each round, once for both rows: new wallets of other people each time."""
    if not hasattr(bench, "offline"):
        lines = open(bench.tokens).read().splitlines()
        each, figures = WALLETS + SYNCS, ([], [])
        for turn in range(bench.rounds):
            tokens = bench.installation.path(f"offline-{turn}")
            with open(tokens, "w") as file:
                file.write("\n".join(lines[turn * each:(turn + 1) * each]) + "\n")
            said = bench.installation.command(
                "bench", "offline", "--server", bench.server.url, "--tokens", tokens,
                "--wallets", str(WALLETS), "--syncs", str(SYNCS))
            # Each wallet is locked once, and each of its payments settled once.
            written = each + PAYMENTS * each
            bench.books.expect(answered=written, sent=written)
            figures[0].append(numbers("payments_per_second", said)[0])
            figures[1].append(numbers("sync_p99_microseconds", said)[0])
        bench.offline = figures
    return bench.offline
