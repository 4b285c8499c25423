"""Rows of reading: a wallet, and a page of its history."""

import http.client
import json
import statistics

import nginx
import wrk
from bench import CONNECTIONS
from figures import Fault, Figure

READ_CONNECTIONS = 64
# People whose wallets are read.
READERS = 2_000
ENTRIES_OF_A_PAGE = 50
SAMPLES = 200


def reads(bench):
    fill_histories(bench)
    readers = wallets(bench)
    yield compare(bench, readers, "wallet", "GET /v1/wallets/{id}", "")
    yield compare(bench, readers, "history", "GET …/entries, default page", "/entries")


def compare(bench, readers, row, what, suffix):
    paths = bench.installation.path(f"paths-{row}")
    lines = [f"/v1/wallets/{wallet}{suffix} {token}" for wallet, token in readers]
    with open(paths, "w") as file:
        file.write("".join(line + "\n" for line in lines))
    size = answer_size(bench, lines[:SAMPLES])
    read(bench.server.url, paths, 1, strict=1)
    with nginx.serving(bench.installation.folder, answer_of(size)) as static:
        baseline, runs = bench.alternate(
            lambda: read(static, paths, bench.seconds).rate,
            lambda: read(bench.server.url, paths, bench.seconds))
    return Figure(
        row, what, "reads/s", least=0.2, aim=0.4, rounds=[run.rate for run in runs],
        baseline=f"nginx, file of {size:,} bytes", baseline_rounds=baseline,
        details={"p99_milliseconds": [run.p99 for run in runs], "answer_bytes": size})


def read(url, paths, seconds, **options):
    return wrk.drive(url, "reads.lua", {"paths": paths, **options}, READ_CONNECTIONS, seconds)


def wallets(bench):
    """Wallet and access token of each reader."""
    with open(bench.tokens) as file:
        tokens = [line.split()[1] for line in file][:READERS]
    connection = Reader(bench.server.url)
    return [
        (json.loads(connection.get("/v1/wallets", token))["data"][0]["id"], token)
        for token in tokens
    ]


def answer_size(bench, lines):
    """The usual size of an answer's body, in bytes."""
    connection = Reader(bench.server.url)
    return round(statistics.mean(len(connection.get(*line.split())) for line in lines))


def answer_of(size):
    """JSON of so many bytes that a strict reader of wallets accepts, too."""
    return b'{"available":"' + b"x" * (size - 16) + b'"}'


def fill_histories(bench):
    """Payments until an average wallet has more entries than a page shows."""
    wanted = ENTRIES_OF_A_PAGE * bench.people
    while 2 * (bench.books.lines() - bench.books.before) < wanted:
        bench.pay(CONNECTIONS, bench.seconds)


class Reader:
    """One connection that stays."""

    def __init__(self, url):
        self.connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=10)

    def get(self, path, token):
        self.connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        response = self.connection.getresponse()
        body = response.read()
        if response.status != 200:
            raise Fault(f"GET {path}: {response.status} {body[:300]}")
        return body
