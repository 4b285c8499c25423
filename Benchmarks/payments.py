"""Rows of POST /v1/transfers, one transfer a request."""

import statistics

import wrk
from bench import CONNECTIONS
from figures import Figure


def uniform(bench):
    tpcb = bench.tpcb
    clients = tpcb.best_clients
    baseline, runs = bench.alternate(
        lambda: tpcb.best_rate(bench.seconds),
        lambda: bench.pay(CONNECTIONS, bench.seconds))
    rates = [run.rate for run in runs]
    bench.peak = statistics.median(rates)
    yield Figure(
        "uniform", f"random pairs of {bench.people:,} wallets, {CONNECTIONS} connections",
        "transfers/s", least=3, aim=6, rounds=rates,
        baseline=f"TPC-B, {clients} clients", baseline_rounds=baseline,
        details=latencies(runs))


def hot(bench):
    """Half of all payments go to one merchant."""
    baseline, runs = bench.alternate(
        lambda: bench.pay(CONNECTIONS, bench.seconds).rate,
        lambda: bench.pay(CONNECTIONS, bench.seconds, hot=1))
    yield Figure(
        "hot", "half of all to one merchant", "transfers/s", least=0.8, aim=1.0,
        rounds=[run.rate for run in runs], baseline="uniform", baseline_rounds=baseline,
        details=latencies(runs))


def lone(bench):
    """Batching must not delay the quiet hour."""
    tpcb = bench.tpcb
    baseline, runs = bench.alternate(
        lambda: tpcb.rate(1, bench.seconds),
        lambda: bench.pay(1, bench.seconds))
    yield Figure(
        "lone", "one connection, one at a time", "transfers/s", least=0.7, aim=1.0,
        rounds=[run.rate for run in runs], baseline="TPC-B, 1 client", baseline_rounds=baseline,
        details=latencies(runs))


def two(bench):
    """Two processes on one database, and the same load on one of them."""
    with bench.installation.serving() as second:
        urls = [bench.server.url, second.url]
        # A process that has just begun has yet to meet everyone's session and wallet, and the two
        # have yet to settle on a usual writer.
        halves(bench, [second.url, second.url])
        halves(bench, urls)
        alone, together, crowded = bench.alternate(
            lambda: halves(bench, [urls[0], urls[0]]), lambda: halves(bench, urls),
            lambda: halves(bench, urls, CONNECTIONS))
    yield Figure(
        "two", f"two processes, {CONNECTIONS // 2} connections each", "transfers/s",
        least=1.0, aim=1.2, rounds=together, baseline=f"one, {CONNECTIONS}",
        baseline_rounds=alone)
    yield Figure(
        "two_crowded", f"two processes, {CONNECTIONS} connections each", "transfers/s",
        least=1.0, aim=1.2, rounds=crowded, baseline=f"one, {CONNECTIONS}",
        baseline_rounds=alone)


def halves(bench, urls, connections=CONNECTIONS // 2):
    """Both runs at once, one thread each: transfers a second in all."""
    started = [
        wrk.start(
            url, "payments.lua", bench.payments, connections, bench.seconds, threads=1)
        for url in urls
    ]
    runs = [wrk.finish(process) for process in started]
    bench.books.expect(
        answered=sum(run.answered for run in runs), sent=sum(run.sent for run in runs))
    return sum(run.rate for run in runs)


def latencies(runs):
    return {
        "p50_milliseconds": [run.p50 for run in runs],
        "p99_milliseconds": [run.p99 for run in runs],
    }
