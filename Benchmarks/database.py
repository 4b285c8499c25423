"""The PostgreSQL that all figures share: questions to it, and its own benchmark."""

import glob
import re
import subprocess

from figures import Fault

# TPC-B updates one row per branch in every transaction: fewer branches than clients would measure
# waiting.
SCALE = 50
CLIENTS = [8, 16, 32, 64]
THREADS = 2
SEARCH_SECONDS = 2
DATABASE = "florin_pgbench"

DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}


def ask(conninfo, statement):
    result = subprocess.run(
        ["psql", "--no-psqlrc", "--quiet", "--no-align", "--tuples-only", "--command", statement,
         conninfo], capture_output=True, text=True)
    if result.returncode != 0:
        raise Fault(f"psql: {statement}: {result.stderr}")
    return result.stdout.strip()


def require_durability(conninfo):
    """A figure without durable commits would be one of another product."""
    for name, wanted in DURABLE.items():
        found = ask(conninfo, f"SHOW {name}")
        if found != wanted:
            raise Fault(f"{name} is {found}; it must be {wanted} to measure")


def named(conninfo, database):
    """libpq takes URLs and lists of keywords; in a list the later keyword counts."""
    if "://" in conninfo:
        return re.sub(r"^(\w+://[^/?]*)(/[^?]*)?", rf"\1/{database}", conninfo)
    return f"{conninfo} dbname={database}"


class TPCB:
    """pgbench's TPC-B with prepared statements, in a database of its own on the same server."""

    def __init__(self, conninfo):
        ask(conninfo, f"CREATE DATABASE {DATABASE}")
        self.conninfo = named(conninfo, DATABASE)
        require_durability(self.conninfo)
        self._run("--initialize", "--quiet", "--scale", str(SCALE))
        self._best_clients = None

    @property
    def best_clients(self):
        """The number of clients at which this machine does most; looked for once."""
        if self._best_clients is None:
            rates = {clients: self.rate(clients, SEARCH_SECONDS) for clients in CLIENTS}
            self._best_clients = max(rates, key=rates.get)
        return self._best_clients

    def best_rate(self, seconds):
        return self.rate(self.best_clients, seconds)

    def rate(self, clients, seconds):
        """Transactions a second."""
        output = self._run(
            "--protocol", "prepared", "--client", str(clients),
            "--jobs", str(min(clients, THREADS)), "--time", str(seconds))
        return float(re.search(r"^tps = ([\d.]+)", output, re.MULTILINE)[1])

    def _run(self, *words):
        installed = sorted(glob.glob("/usr/lib/postgresql/*/bin/pgbench"))
        tool = installed[-1] if installed else "pgbench"
        result = subprocess.run([tool, *words, self.conninfo], capture_output=True, text=True)
        if result.returncode != 0:
            raise Fault(f"pgbench {' '.join(words)}: {result.stderr}")
        return result.stdout
