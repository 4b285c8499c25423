"""The row of payments while people log in: hashing is slow on purpose, and must not slow down others."""

import statistics
import threading
import time

from bench import CONNECTIONS
from figures import Fault, Figure
from open_loop import arrivals
from server import Florin

LOG_INS_A_MINUTE = 1000
PEOPLE = 20
# More than are under way at once as long as the server keeps up.
THREADS = 16
# Of the peak. Both cores are the payments' and the generator's as well, and hashing takes a fifth
# of them: nearer to the peak the row would measure that they are full.
SHARE = 1 / 4


def log_ins(bench):
    rate = int(bench.peak * SHARE)
    crowd = Crowd(bench.server.url)
    quiet, busy = bench.alternate(
        lambda: arrivals(bench, rate, bench.seconds),
        lambda: crowd.beside(lambda: arrivals(bench, rate, bench.seconds)))
    yield Figure(
        "log_ins", f"p99 of {rate:,} payments due a second, {LOG_INS_A_MINUTE:,} log-ins a minute",
        "ms", least=2, aim=1.5, less_is_better=True,
        rounds=[run["p99"] for run in busy], baseline="without log-ins",
        baseline_rounds=[run["p99"] for run in quiet],
        details={
            "log_ins_per_minute": crowd.rates,
            "log_in_p50_milliseconds": 1000 * statistics.median(crowd.durations),
            "log_in_max_milliseconds": 1000 * max(crowd.durations),
        })


class Crowd:
    """People who log in by a timetable, whether or not those before them are in yet."""

    def __init__(self, url):
        self.florin = Florin(url, None, None)
        # Usernames of this run: the rows of a group share their people.
        self.names = [f"crowd-{time.time_ns() % 10**9}-{number}" for number in range(PEOPLE)]
        for name in self.names:
            self.florin.sign_up(name)
        self.durations, self.rates = [], []

    def beside(self, measure):
        """What `measure` returns while the crowd logs in."""
        ending, failures, began = threading.Event(), [], time.monotonic()
        before = len(self.durations)

        def log_in(thread):
            count = 0
            while True:
                due = began + (count * THREADS + thread) * 60 / LOG_INS_A_MINUTE
                if ending.wait(max(0, due - time.monotonic())):
                    return
                try:
                    self.florin.log_in(self.names[(count + thread) % PEOPLE])
                except Exception as failure:
                    failures.append(failure)
                    return
                self.durations.append(time.monotonic() - max(due, began))
                count += 1

        threads = [threading.Thread(target=log_in, args=[number]) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        try:
            measured = measure()
        finally:
            minutes = (time.monotonic() - began) / 60
            ending.set()
            for thread in threads:
                thread.join()
        if failures:
            raise Fault(f"a log-in failed: {failures[0]}")
        self.rates.append(round((len(self.durations) - before) / minutes))
        # A crowd that did not get in does not prove that others were not slowed down.
        if self.rates[-1] < 0.9 * LOG_INS_A_MINUTE:
            raise Fault(f"{self.rates[-1]} log-ins a minute only, of {LOG_INS_A_MINUTE}")
        return measured
