"""The verifiable books, checked by a program that shares nothing with Florin."""

import copy
import json
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Tests/support"))
sys.path.insert(0, str(ROOT / "docs"))
from running_florin import BINARY, running_florin
import verify_proof

DAY_SECONDS = 86_400
COMMIT_SECONDS_MAX = 60


def pay(florin, token, key, to, amount):
    body = {"to": to, "amount": amount, "currency": "KES"}
    return florin.expect(201, "POST", "/v1/transfers", body, token, {"Idempotency-Key": key})["id"]


def committed(florin, count):
    """The commitments, once there are as many."""
    deadline = time.monotonic() + COMMIT_SECONDS_MAX
    while True:
        found = florin.expect(200, "GET", "/v1/commitments")["data"]
        if len(found) >= count:
            return found
        assert time.monotonic() < deadline, "no commitment was made"


def refused(proof, keys):
    try:
        verify_proof.verify_proof(proof, keys)
    except (verify_proof.Refused, KeyError, TypeError, ValueError):
        return True
    return False


def texts(value, path=()):
    """Every text, number and digest of a proof, and where it stands."""
    items = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in items:
        if isinstance(inner, (dict, list)):
            yield from texts(inner, path + (name,))
        elif inner is not None:
            yield path + (name,), inner


def changed(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return value[:-1] + ("0" if value[-1] != "0" else "1")


def every_change_is_refused(proof, keys):
    # What only helps people to read, and what the signed statement says again.
    told_again = {"id", "committed_after"}
    for path, value in texts(proof):
        if path[0] in told_again or (path[:2] == ("day", "commitment") and path[2] != "jws"):
            continue
        other = copy.deepcopy(proof)
        inner = other
        for name in path[:-1]:
            inner = inner[name]
        inner[path[-1]] = changed(value)
        assert refused(other, keys), f"{path} was changed unseen"


def main():
    with running_florin() as florin:
        people = {}
        for name in ("anna", "bela"):
            people[name] = florin.sign_up(name)["access_token"]
        topup = {"amount": 100_000, "currency": "KES"}
        florin.expect(201, "POST", "/sandbox/topups", topup, people["anna"])
        ids = [pay(florin, people["anna"], f"books-{n}", "bela", 100 + n) for n in range(9)]

        proofs = {
            name: [florin.expect(200, "GET", f"/v1/entries/{i}/proof", token=token) for i in ids]
            for name, token in people.items()
        }
        keys = florin.expect(200, "GET", "/v1/commitments/keys")
        for proof in proofs["anna"] + proofs["bela"]:
            assert verify_proof.verify_proof(proof, keys) is None
            assert proof["committed_after"] is not None
        assert proofs["anna"][0]["credit"]["opened"] is None
        assert proofs["bela"][0]["debit"]["opened"] is None
        assert proofs["bela"][8]["credit"]["opened"]["posted"] == sum(range(100, 109))

        florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": DAY_SECONDS + 61})
        commitments = committed(florin, 1)
        tokens = {
            name: florin.log_in(name)["access_token"] for name in people
        }
        for name, token in tokens.items():
            for number, place in enumerate(ids):
                proof = florin.expect(200, "GET", f"/v1/entries/{place}/proof", token=token)
                statement = verify_proof.verify_proof(proof, keys)
                assert statement["day"] in [c["day"] for c in commitments]
                if number == 4:
                    every_change_is_refused(proof, keys)
                    check_by_command(florin, proof, keys)

        pages = pathlib.Path(florin.data, "commitments.json")
        pages.write_text(json.dumps(commitments))
        trusted = pathlib.Path(florin.data, "keys.json")
        trusted.write_text(json.dumps(keys))
        florin.command("audit", "--commitments", str(pages), "--key", str(trusted))
        check_dumps(florin, pages, trusted)


def check_dumps(florin, pages, trusted):
    """A dump is audited without the server, and one byte in it is found."""
    tools = max(
        pathlib.Path("/usr/lib/postgresql").glob("*/bin"), key=lambda bin: int(bin.parent.name))
    url = florin.command("database-url").strip()
    custom, plain = (pathlib.Path(florin.data, name) for name in ("books.dump", "books.sql"))
    subprocess.run(
        [tools / "pg_dump", "--format=custom", f"--file={custom}", url], check=True)
    subprocess.run([tools / "pg_restore", f"--file={plain}", custom], check=True)
    kept = ["--commitments", str(pages), "--key", str(trusted)]
    live = florin.command("audit", *kept)
    # A dump is audited for its books alone; the log of acts is read from the database only.
    books, _, acts = live.partition("acts ")
    assert "the audit log is whole" in acts, live
    assert florin.command("audit", "--dump", str(plain), *kept) == books

    text = plain.read_text()
    line = next(row for row in text.splitlines() if row.endswith("\t\\N\t\\N\tt"))
    plain.write_text(text.replace(line, line[:-1] + "f"))
    said = refused_audit(florin, plain)
    assert "WRONG     the batch of transfers" in said, said
    plain.write_text(text[: len(text) // 2])
    assert "cut short" in refused_audit(florin, plain)
    assert "pg_restore" in refused_audit(florin, custom)


def refused_audit(florin, dump):
    done = subprocess.run(
        [BINARY, "audit", "--dump", str(dump)], env=florin.environment,
        capture_output=True, text=True)
    assert done.returncode == 1, done
    return done.stdout + done.stderr


def check_by_command(florin, proof, keys):
    files = []
    for name, value in (("proof.json", proof), ("keys.json", keys)):
        files.append(pathlib.Path(florin.data, name))
        files[-1].write_text(json.dumps(value))
    verifier = ROOT / "docs/verify_proof.py"
    done = subprocess.run(
        [sys.executable, verifier, *files], capture_output=True, text=True, check=True)
    assert "PROVEN" in done.stdout, done.stdout


main()
