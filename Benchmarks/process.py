"""Rows of the process itself: how soon it is ready, and what memory it takes."""

import statistics
import time

import wrk
from bench import CONNECTIONS
from figures import Figure

SETTLE_SECONDS = 3
SAMPLE_SECONDS = 1
# A shorter load only hints at whether memory grows.
LOAD_SECONDS_LONG = 600
# Memory goes up and down by a tenth from one second to the next, so figures are medians of a share of
# the load: after the first of these shares, in which caches fill, in its middle, and at its end.
SHARES = 10


def ready(bench):
    """From the start of the program to its first answer, on a database that has all it needs."""
    beside, cold = bench.alternate(lambda: start_beside(bench), lambda: start_cold(bench))
    yield Figure(
        "ready", "the database running", "s", least=1.0, aim=1.0, rounds=beside,
        less_is_better=True)
    yield Figure(
        "ready_cold", "its private PostgreSQL to be started", "s", least=1.0, aim=1.0, rounds=cold,
        less_is_better=True)


def start_beside(bench):
    """The server that runs already keeps the database up."""
    with bench.installation.serving() as second:
        return second.seconds_to_ready


def start_cold(bench):
    """The last to stop has ended the database."""
    return bench.restart().seconds_to_ready


def memory(bench):
    idle, samples = sample(bench)
    yield Figure(
        "idle", "resident memory after the start", "MB", least=60, aim=60, rounds=[idle],
        less_is_better=True)
    begin, middle, end = [
        statistics.median(share_of(samples, number)) for number in [1, SHARES // 2, SHARES - 1]
    ]
    yield Figure(
        "memory", f"at the end of {len(samples) * SAMPLE_SECONDS} s of load, {begin:.0f} MB at its "
        "start", "MB", least=1.05, aim=1.02, rounds=[end], baseline="in its middle",
        baseline_rounds=[middle], less_is_better=True, details={"megabytes": samples},
        remark="" if bench.load_seconds >= LOAD_SECONDS_LONG else "LONG=1 decides")


def share_of(samples, number):
    """The share of that number, counted from 0; one sample at least."""
    length = max(1, len(samples) // SHARES)
    return samples[number * len(samples) // SHARES:][:length]


def sample(bench):
    """A new process at rest, then under load: megabytes."""
    server = bench.restart()
    time.sleep(SETTLE_SECONDS)
    idle = server.resident_megabytes
    load = wrk.start(
        server.url, "payments.lua", bench.payments, CONNECTIONS, bench.load_seconds)
    samples = []
    while load.poll() is None:
        samples.append(round(server.resident_megabytes, 1))
        time.sleep(SAMPLE_SECONDS)
    run = wrk.finish(load)
    bench.books.expect(answered=run.answered, sent=run.sent)
    return idle, samples
