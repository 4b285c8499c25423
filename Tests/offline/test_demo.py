"""The demonstration of offline payments, with the three coming back online in each of six orders: the books and
every wallet end the same."""

import itertools
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]


def main():
    endings = set()
    for order in map("".join, itertools.permutations("abc")):
        done = subprocess.run(
            [sys.executable, ROOT / "scripts/offline-demo", "--order", order], env=os.environ,
            capture_output=True, text=True)
        assert done.returncode == 0, (order, done.stdout, done.stderr)
        _, _, ending = done.stdout.partition("== In the end")
        assert "the journal explains every balance" in ending, (order, ending)
        endings.add(ending.partition("florin audit")[0])
    assert len(endings) == 1, endings
    print("offline demo: three hops settle in any of six orders, and the books are clean")


main()
