"""Rows of the ledger without HTTP: bulk import, and what growing costs."""

import re

from figures import Figure


def bulk_import(bench):
    tpcb = bench.tpcb
    clients = tpcb.best_clients
    baseline, rates = bench.alternate(
        lambda: tpcb.best_rate(bench.seconds), lambda: import_once(bench))
    yield Figure(
        "import", "florin bench ledger", "transfers/s", least=12, aim=20, rounds=rates,
        baseline=f"TPC-B, {clients} clients", baseline_rounds=baseline)


def import_once(bench):
    said = bench.installation.command("bench", "ledger", "--accounts", str(bench.people))
    return numbers("transfers_per_second", said)[0]


def grown(bench):
    """What a transfer costs in a ledger of millions, beside what it costs in a new one."""
    said = bench.installation.command(
        "bench", "ledger", "--grown", "--accounts", str(bench.grown_accounts),
        "--transfers", str(bench.grown_transfers), "--rounds", str(bench.rounds))
    yield Figure(
        "grown", f"{2 * bench.grown_transfers:,} entries, {bench.grown_accounts:,} wallets",
        "µs/transfer", least=1.3, aim=1.1, less_is_better=True,
        rounds=[number / 1000 for number in numbers("grown_nanoseconds", said)],
        baseline="new ledger",
        baseline_rounds=[number / 1000 for number in numbers("new_nanoseconds", said)],
        details={"filled_per_second": numbers("filled_per_second", said)})


def numbers(name, said):
    """What `florin bench` says: one `name value` a line."""
    return [int(found) for found in re.findall(rf"^{name} (\d+)$", said, re.MULTILINE)]
