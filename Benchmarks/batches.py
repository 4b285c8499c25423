"""The row of POST /v1/transfer_batches."""

import statistics

import wrk
from figures import Figure

# Mode, transfers of a batch, connections. More would wait than the server lets wait.
SHAPES = [
    ("independent", 100, 16), ("independent", 100, 64), ("independent", 1_000, 4),
    ("independent", 1_000, 16), ("independent", 10_000, 2), ("linked", 10_000, 2),
]


def batches(bench):
    tpcb = bench.tpcb
    clients = tpcb.best_clients
    for mode in ["independent", "linked"]:
        send(bench, mode, 10, 2, strict=1)
    baseline, *rates = bench.alternate(
        lambda: tpcb.best_rate(bench.seconds),
        *[lambda shape=shape: send(bench, *shape) for shape in SHAPES])
    by_shape = dict(zip(SHAPES, rates))
    best = max(SHAPES, key=lambda shape: statistics.median(by_shape[shape]))
    yield Figure(
        "batches", f"best: {name(best)}", "transfers/s", least=8, aim=16, rounds=by_shape[best],
        baseline=f"TPC-B, {clients} clients", baseline_rounds=baseline,
        details={name(shape): rounds for shape, rounds in by_shape.items()})


def send(bench, mode, size, connections, **options):
    """Transfers a second."""
    run = wrk.drive(
        bench.server.url, "batches.lua",
        {**bench.payments, "mode": mode, "size": size, **options}, connections, bench.seconds)
    bench.books.expect(answered=size * run.answered, sent=size * run.sent)
    return size * run.rate


def name(shape):
    mode, size, connections = shape
    return f"{mode}, {size:,} each, {connections} connections"
