"""Load over HTTP: wrk with the scripts beside this file."""

import dataclasses
import itertools
import json
import pathlib
import subprocess
import time

from figures import Fault

FOLDER = pathlib.Path(__file__).resolve().parent
THREADS = 2
TIMEOUT_SECONDS = 10

# Numbers that no run has had: they make its idempotency keys, and its random choices.
runs = itertools.count(time.time_ns() // 1_000_000)


@dataclasses.dataclass
class Run:
    """What one run of wrk saw. Latencies are in milliseconds."""

    rate: float
    p50: float
    p99: float
    answered: int
    sent: int


def drive(url, script, options, connections, seconds):
    """Runs a script and waits for it. Any answer but the right one is a fault."""
    return finish(start(url, script, options, connections, seconds))


def start(url, script, options, connections, seconds, threads=THREADS):
    words = [f"{name}={value}" for name, value in options.items()]
    return subprocess.Popen(
        ["wrk", "--threads", str(min(threads, connections)), "--connections", str(connections),
         "--duration", f"{seconds}s", "--timeout", f"{TIMEOUT_SECONDS}s", "--script", script, url,
         "--", f"run={next(runs)}", *words],
        cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process):
    result = read(process)
    return Run(
        rate=result["requests"] / (result["microseconds"] / 1e6), p50=result["p50"] / 1000,
        p99=result["p99"] / 1000, answered=result["requests"], sent=result["sent"])


def read(process):
    """The script's own line of results."""
    output, errors = process.communicate()
    line = next((line for line in output.splitlines() if line.startswith("result ")), None)
    if line is None:
        raise Fault(f"wrk said no result:\n{output}{errors}")
    result = json.loads(line.removeprefix("result "))
    if result["unexpected"] or result["lost"]:
        raise Fault(f"{result['unexpected']} wrong answers, {result['lost']} requests lost\n"
                    f"{errors}".rstrip())
    return result
