"""The row of constant arrivals: how long payments take that do not wait for one another."""

import threading

import wrk
from bench import CONNECTIONS
from figures import Fault, Figure, percentile

# The run goes on after the last payment was due, so that those that wait are still answered.
TAIL_SECONDS = 2

# The check of the instrument itself: while the server stands still, payments come due that it
# cannot answer. A generator that waited for answers before it sent more would hardly notice.
STILL_SECONDS = 0.2
CHECK_SECONDS = 4


def open_loop(bench):
    rate = int(bench.peak / 2)
    check(bench, rate)
    seconds = 60 if bench.long else bench.seconds
    runs = [arrivals(bench, rate, seconds) for _ in range(bench.rounds)]
    yield Figure(
        "open_loop", f"p99, {rate:,} due a second, half of the peak", "ms", least=50, aim=15,
        rounds=[run["p99"] for run in runs], less_is_better=True,
        details={
            "offered_per_second": rate,
            **{name: [run[name] for run in runs]
               for name in ["achieved_per_second", "p50", "p99", "max", "dropped"]},
        })


def arrivals(bench, rate, seconds):
    """One run. Latencies are in milliseconds, from the moment when a payment was due."""
    timetable = {"rate": rate, "seconds": seconds, "threads": wrk.THREADS}
    result = wrk.read(wrk.start(
        bench.server.url, "open_loop.lua", {**bench.payments, **timetable}, CONNECTIONS,
        seconds + TAIL_SECONDS))
    bench.books.expect(answered=result["answered"], sent=result["sent"])
    return {
        "achieved_per_second": round(result["answered"] / result["seconds"]),
        "p50": percentile(result["latencies"], result["due"], 0.50) / 1000,
        "p99": percentile(result["latencies"], result["due"], 0.99) / 1000,
        "max": result["slowest"] / 1000,
        "dropped": result["due"] - result["answered"],
    }


def check(bench, rate):
    """Stops the server for a moment: the payments that were due meanwhile must be seen waiting."""
    pause = threading.Timer(
        (CHECK_SECONDS + TAIL_SECONDS) / 2, bench.server.stand_still, [STILL_SECONDS])
    pause.start()
    seen = arrivals(bench, rate, CHECK_SECONDS)
    pause.join()
    # Of all payments, the share due in the stop is far over one in a hundred, and the slowest
    # hundredth of them were due in its first fifth.
    if not (seen["p99"] >= 1000 * STILL_SECONDS / 2 and seen["max"] >= 900 * STILL_SECONDS):
        raise Fault(f"the load generator overlooked a stop of {STILL_SECONDS} s: {seen}")
    bench.say(f"  the generator sees a stop of {1000 * STILL_SECONDS:.0f} ms: p99 "
              f"{seen['p99']:.0f} ms, slowest {seen['max']:.0f} ms")
