#!/usr/bin/env python3
"""Checks that a payment is in a Florin server's books, without believing the server.

    verify_proof.py PROOF KEYS

PROOF is an answer of GET /v1/entries/{id}/proof, KEYS one of GET /v1/commitments/keys that was
saved when it was trusted. Uses Python's standard library, and the openssl command for the signature.
The formats are described in verifiable-books.md; this file shares no line with Florin.
"""

import base64
import datetime
import hashlib
import json
import pathlib
import subprocess
import sys
import tempfile

KINDS = {1: "transfer", 2: "hold", 3: "capture", 4: "void", 5: "expiry", 6: "reversal"}
LINE_BYTES = 79


class Refused(Exception):
    """The proof does not hold."""


def expect(truth, what):
    if not truth:
        raise Refused(what)


def sha256(*parts):
    return hashlib.sha256(b"".join(parts)).digest()


def number(value, size=8):
    return value.to_bytes(size, "big", signed=True)


def root_along(leaf, place, count, path):
    """The root that a leaf has by a path in a tree of RFC 6962, by RFC 9162 section 2.1.3.2."""
    expect(0 <= place < count, "the place is not in the tree")
    node, last, digest = place, count - 1, leaf
    for sibling in path:
        expect(last > 0, "the path is too long")
        if node % 2 == 1 or node == last:
            digest = sha256(b"\x01", sibling, digest)
            while node % 2 == 0 and node > 0:
                node, last = node >> 1, last >> 1
        else:
            digest = sha256(b"\x01", digest, sibling)
        node, last = node >> 1, last >> 1
    expect(last == 0, "the path is too short")
    return digest


def read_line(line):
    """The fields of a line's bytes."""
    expect(len(line) == LINE_BYTES, "the line has not 79 bytes")

    def field(start, size):
        return int.from_bytes(line[start:start + size], "big", signed=True)

    flags = line[22]
    return {
        "number": field(0, 8), "at": field(8, 8), "kind": KINDS.get(field(16, 2)),
        "code": field(18, 2), "legs": field(20, 2), "limited": bool(flags & 1),
        "debit": field(23, 8), "credit": field(31, 8), "amount": field(39, 8),
        "key": line[47:63].hex() if flags & 2 else None,
        "settles": field(63, 8) if flags & 4 else None,
        "expires_at": field(71, 8) if flags & 8 else None,
    }


def microseconds(moment):
    """Of RFC 3339 in UTC, as Florin writes it, since 1970."""
    read = datetime.datetime.strptime(moment, "%Y-%m-%dT%H:%M:%S.%fZ")
    since = read - datetime.datetime(1970, 1, 1)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def check_entry(entry, line):
    """What a person reads is what was hashed."""
    said = dict(entry)
    for name in ("at", "expires_at"):
        said[name] = said[name] and microseconds(said[name])
    expect(said == read_line(line), "the entry is not what the line's bytes say")


def side_digest(side):
    digest, opened = bytes.fromhex(side["digest"]), side["opened"]
    if opened is not None:
        found = sha256(
            b"\x03", bytes.fromhex(opened["blind"]), number(opened["posted"]),
            number(opened["held"]), number(opened["previous"]))
        expect(found == digest, "a side is not what its digest is of")
    return digest


def check_batch(proof, line):
    """From the line to the hash of its batch's link."""
    batch = proof["batch"]
    leaf = sha256(b"\x00", line, side_digest(proof["debit"]), side_digest(proof["credit"]))
    count = batch["last"] - batch["first"] + 1
    expect(read_line(line)["number"] == batch["first"] + batch["place"], "the place is another's")
    root = root_along(leaf, batch["place"], count, [bytes.fromhex(d) for d in batch["path"]])
    expect(root.hex() == batch["root"], "the path does not lead to the batch's root")
    link = sha256(
        b"\x02", bytes.fromhex(batch["previous"]), number(batch["first"]), number(batch["last"]),
        line[8:16], root)
    expect(link.hex() == batch["hash"], "the batch's hash is not that of its root")
    return link


def check_day(day, link, keys):
    """From the link to the day's signed statement, which is returned."""
    statement = verify_jws(day["commitment"]["jws"], keys)
    leaf = sha256(b"\x00\x05", link)
    root = root_along(
        leaf, day["place"], statement["batches"], [bytes.fromhex(d) for d in day["path"]])
    expect(root.hex() == statement["root"], "the path does not lead to what was signed")
    return statement


def verify_proof(proof, keys):
    """The signed statement that covers the line, or None when its day is not committed yet."""
    line = bytes.fromhex(proof["line"])
    check_entry(proof["entry"], line)
    link = check_batch(proof, line)
    if proof["day"] is None:
        return None
    statement = check_day(proof["day"], link, keys)
    place = proof["entry"]["number"]
    expect(statement["first"] <= place <= statement["last"], "the line is not of these days")
    return statement


# Signatures: compact JWS, ES256.

def base64url(text):
    """RFC 4648 section 5, without padding, in the one spelling that there is."""
    decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    again = base64.urlsafe_b64encode(decoded).decode().rstrip("=")
    expect(again == text, "base64url in another spelling")
    return decoded


def verify_jws(jws, keys):
    """What was signed, if one of the keys of the set did."""
    head, payload, signature = jws.split(".")
    header = json.loads(base64url(head))
    expect(header["alg"] == "ES256", "another algorithm")
    expect(header["typ"] == "florin-commitment", "a statement of another kind")
    key = next((key for key in keys["keys"] if key["kid"] == header["kid"]), None)
    expect(key is not None, "the key is not among those that are trusted")
    signed = f"{head}.{payload}".encode()
    expect(is_signed(signed, base64url(signature), key), "the signature is wrong")
    return json.loads(base64url(payload))


def der(tag, *parts):
    body = b"".join(parts)
    expect(len(body) < 128, "longer than DER's short form")
    return bytes([tag, len(body)]) + body


def der_integer(raw):
    raw = raw.lstrip(b"\x00") or b"\x00"
    return der(0x02, b"\x00" + raw if raw[0] & 0x80 else raw)


# AlgorithmIdentifier of RFC 5480: id-ecPublicKey on prime256v1.
EC_P256 = bytes.fromhex("301306072a8648ce3d020106082a8648ce3d030107")


def is_signed(message, signature, key):
    expect(len(signature) == 64, "a signature has 64 bytes")
    point = b"\x04" + base64url(key["x"]) + base64url(key["y"])
    public = der(0x30, EC_P256, der(0x03, b"\x00", point))
    with tempfile.TemporaryDirectory() as folder:
        files = [pathlib.Path(folder, name) for name in ("key", "signature", "message")]
        files[0].write_bytes(public)
        files[1].write_bytes(der(0x30, der_integer(signature[:32]), der_integer(signature[32:])))
        files[2].write_bytes(message)
        done = subprocess.run(
            ["openssl", "dgst", "-sha256", "-keyform", "DER", "-verify", files[0],
             "-signature", files[1], files[2]], capture_output=True)
    return done.returncode == 0


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    proof, keys = (json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:])
    try:
        statement = verify_proof(proof, keys)
    except (Refused, KeyError, TypeError, ValueError) as error:
        sys.exit(f"NOT PROVEN: {error}")
    entry = proof["entry"]
    print(f"line {entry['number']}: {entry['kind']} of {entry['amount']} from account "
          f"{entry['debit']} to {entry['credit']} at {entry['at']}")
    if statement is None:
        sys.exit("in the chain; the day is not signed yet, ask again after "
                 f"{proof['committed_after']}")
    print(f"PROVEN: in the books of {statement['day']} as they were signed")


if __name__ == "__main__":
    main()
