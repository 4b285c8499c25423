#!/usr/bin/env python3
"""Stripe's own library looks at what Florin and its simulator say.

Its client talks to the simulator; its verifier checks the simulator's webhooks; Florin believes what it signs; and
every parameter that Florin sends is one that the library documents.
"""

import contextlib
import http.server
import json
import pathlib
import re
import subprocess
import sys
import threading
import time
import typing
import urllib.error
import urllib.parse
import urllib.request

import stripe

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from running_florin import BINARY, free_port, running_florin  # noqa: E402

SECRET = "whsec_simulated"
AMOUNT = 2_500
WAIT_SECONDS_MAX = 60


class Between(http.server.BaseHTTPRequestHandler):
    """Passes everything on to `server.target`, and keeps it."""

    def pass_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.kept.append((self.command, self.path, dict(self.headers.items()), body))
        request = urllib.request.Request(self.server.target + self.path, body or None, method=self.command)
        for name in ("Authorization", "Content-Type", "Idempotency-Key", "Stripe-Signature", "Host"):
            if name in self.headers:
                request.add_header(name, self.headers[name])
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                status, answer = response.status, response.read()
        except urllib.error.HTTPError as error:
            status, answer = error.code, error.read()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = pass_on

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def between(target):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Between)
    server.kept, server.target = [], target
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


def address(server):
    return f"http://127.0.0.1:{server.server_address[1]}"


@contextlib.contextmanager
def simulator(florin):
    program = subprocess.Popen(
        [BINARY, "simulate", "--port", "0", "--florin", florin], stdout=subprocess.PIPE, text=True
    )
    try:
        for line in program.stdout:
            if line.startswith("ready "):
                yield line.split()[1]
                break
    finally:
        program.terminate()
        program.wait(30)


def until(find):
    """What `find` returns once it is something."""
    end = time.monotonic() + WAIT_SECONDS_MAX
    while time.monotonic() < end:
        if found := find():
            return found
        time.sleep(0.05)
    raise AssertionError("it never came")


# The client


def check_the_library_as_client(url):
    stripe.api_key, stripe.api_base, stripe.max_network_retries = "sk_test_simulated", url + "/stripe", 0
    fields = dict(
        mode="payment",
        success_url="https://wallet.example/",
        client_reference_id="order-1",
        line_items=[
            {"quantity": 1, "price_data": {"currency": "usd", "unit_amount": 100, "product_data": {"name": "x"}}}
        ],
    )
    first = stripe.checkout.Session.create(**fields, idempotency_key="one")
    again = stripe.checkout.Session.create(**fields, idempotency_key="one")
    assert first.id == again.id and first.status == "open" and first.payment_status == "unpaid"
    try:
        stripe.checkout.Session.create(**{**fields, "success_url": "https://other.example/"}, idempotency_key="one")
        raise AssertionError("a key was taken for two requests")
    except stripe.IdempotencyError:
        pass
    try:
        stripe.checkout.Session.create(**fields, colour="blue")
        raise AssertionError("an unknown parameter was taken")
    except stripe.InvalidRequestError as error:
        assert error.code == "parameter_unknown"
    urllib.request.urlopen(first.url, b"answer=pay")
    paid = stripe.checkout.Session.retrieve(first.id, expand=["payment_intent.latest_charge"])
    assert paid.payment_status == "paid" and paid.payment_intent.latest_charge.paid
    assert [session.id for session in stripe.checkout.Session.list(limit=1).auto_paging_iter()] == [first.id]
    refund = stripe.Refund.create(payment_intent=paid.payment_intent.id)
    assert refund.status == "succeeded" and refund.amount == 100
    sent = stripe.Transfer.create(amount=50, currency="usd", destination="acct_1", transfer_group="g")
    assert [transfer.id for transfer in stripe.Transfer.list(transfer_group="g")] == [sent.id]
    reversal = stripe.Transfer.create_reversal(sent.id)
    assert reversal.amount == 50 and stripe.Transfer.retrieve(sent.id).reversed


# The signature


def check_webhooks_of_the_simulator(kept):
    webhooks = [(headers, body) for _, path, headers, body in kept if path == "/v1/callbacks/stripe"]
    assert webhooks
    types = set()
    for headers, body in webhooks:
        event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], SECRET)
        types.add(event.type)
    assert "checkout.session.completed" in types, types
    headers, body = webhooks[0]
    for secret, changed in (("whsec_other", body), (SECRET, body + b" ")):
        try:
            stripe.Webhook.construct_event(changed, headers["Stripe-Signature"], secret)
            raise AssertionError("a wrong signature was believed")
        except stripe.SignatureVerificationError:
            pass


def post(url, body, signature):
    headers = {"Content-Type": "application/json", "Stripe-Signature": signature}
    try:
        with urllib.request.urlopen(urllib.request.Request(url, body.encode(), headers)) as response:
            return response.status
    except urllib.error.HTTPError as error:
        return error.code


def check_florin_believes_the_library(florin):
    event = json.dumps({"id": "evt_library", "type": "checkout.session.expired", "data": {"object": {"id": "cs_0"}}})

    def answer(header):
        return post(florin.url + "/v1/callbacks/stripe", event, header)

    now = int(time.time())
    sign = stripe.WebhookSignature.generate_signature_header
    good = sign(event, SECRET)
    tag = good.split(",")[1]
    assert answer(good) == 200
    assert answer(good) == 200
    assert answer(f"t={good.split(',')[0][2:]},v1={'0' * 64},v0=1,{tag}") == 200
    for wrong in (
        sign(event, "whsec_other"),
        sign(event, SECRET, now - 400),
        sign(event, SECRET, now + 400),
        good.replace("v1=", "v0="),
        "",
        "t=1",
    ):
        assert answer(wrong) == 400, wrong


# The shape of requests


def documented(annotation, name):
    """What the library documents under one name of a parameters' type, and that it does."""
    hints = typing.get_type_hints(annotation)
    assert name in hints, f"{name} is no parameter of {annotation.__name__}: {sorted(hints)}"
    return hints[name]


def unwrapped(annotation):
    """The types that a value may have."""
    origin = typing.get_origin(annotation)
    if origin is typing.Union or origin is typing.NotRequired:
        return [found for part in typing.get_args(annotation) for found in unwrapped(part)]
    return [annotation]


def check_parameter(annotation, path, value):
    name, *rest = path
    kinds = unwrapped(documented(annotation, name))
    for part in rest:
        following = []
        for kind in kinds:
            origin = typing.get_origin(kind)
            if origin is list and (part == "" or part.isdigit()):
                following += unwrapped(typing.get_args(kind)[0])
            elif origin is dict:
                following += unwrapped(typing.get_args(kind)[1])
            elif typing.is_typeddict(kind) and part in typing.get_type_hints(kind):
                following += unwrapped(typing.get_type_hints(kind)[part])
        assert following, f"{path}: nothing is documented under {part}"
        kinds = following
    literals = [text for kind in kinds if typing.get_origin(kind) is typing.Literal for text in typing.get_args(kind)]
    # A list of literals ends in `str`, for those that are newer than the library.
    assert not literals or value in literals, f"{path} is {value}, none of {literals}"
    if int in kinds and str not in kinds:
        assert value.isdigit(), f"{path} is {value}, no number"


PARAMETERS = {
    ("POST", "/v1/checkout/sessions"): stripe.params.checkout.SessionCreateParams,
    ("GET", "/v1/checkout/sessions"): stripe.params.checkout.SessionListParams,
    ("GET", "/v1/checkout/sessions/*"): stripe.params.checkout.SessionRetrieveParams,
    ("POST", "/v1/refunds"): stripe.params.RefundCreateParams,
    ("POST", "/v1/transfers"): stripe.params.TransferCreateParams,
    ("GET", "/v1/transfers"): stripe.params.TransferListParams,
    ("GET", "/v1/disputes"): stripe.params.DisputeListParams,
}


def check_requests_of_florin(kept):
    seen = set()
    for method, target, headers, body in kept:
        parts = urllib.parse.urlsplit(target)
        path = re.sub(r"/cs_\w+$", "/*", parts.path.removeprefix("/stripe"))
        if not path.startswith("/v1/") or path.startswith("/v1/callbacks"):
            continue
        annotation = PARAMETERS[(method, path)]
        seen.add((method, path))
        assert headers["Authorization"].startswith("Bearer sk_")
        fields = urllib.parse.parse_qsl(body.decode() if method == "POST" else parts.query, strict_parsing=True)
        assert fields
        for name, value in fields:
            check_parameter(annotation, [part.rstrip("]") for part in name.split("[")], value)
        if method == "POST":
            assert headers["Content-Type"] == "application/x-www-form-urlencoded"
            assert 0 < len(headers["Idempotency-Key"]) <= 255
            given = dict(fields)
            assert headers["Idempotency-Key"] == given["metadata[payment]"]
    assert ("POST", "/v1/checkout/sessions") in seen and ("GET", "/v1/checkout/sessions/*") in seen, seen


def check_the_checks():
    """A parameter that nobody documents is found."""
    for path, value in ((["colour"], "blue"), (["line_items", "0", "colour"], "blue"), (["mode"], "gift")):
        try:
            check_parameter(stripe.params.checkout.SessionCreateParams, path, value)
        except AssertionError:
            continue
        raise AssertionError(f"{path} passed")


def top_up(florin, token):
    key = {"Idempotency-Key": "first"}
    body = {"rail": "card", "amount": AMOUNT, "currency": "USD"}
    payment = florin.expect(201, "POST", "/v1/topups", body, token, key)
    urllib.request.urlopen(payment["next_action"]["url"], b"answer=pay")

    def settled():
        found = florin.expect(200, "GET", "/v1/payments/" + payment["id"], token=token)
        return found if found["status"] == "settled" else None

    assert until(settled)["receipt"].startswith("pi_")


def main():
    check_the_checks()
    port = free_port()
    florin_url = f"http://127.0.0.1:{port}"
    with between(florin_url) as inbound, simulator(address(inbound)) as vendors, between(vendors) as outbound:
        settings = {
            "PORT": str(port),
            "FLORIN_STRIPE_URL": address(outbound) + "/stripe",
            "FLORIN_STRIPE_SECRET_KEY": "sk_test_simulated",
            "FLORIN_STRIPE_WEBHOOK_SECRET": f"whsec_rolled,{SECRET}",
            "FLORIN_STRIPE_CURRENCIES": "USD",
        }
        with running_florin(**settings) as florin:
            top_up(florin, florin.sign_up("asha")["access_token"])
            check_requests_of_florin(outbound.kept)
            check_webhooks_of_the_simulator(inbound.kept)
            check_florin_believes_the_library(florin)
        check_the_library_as_client(vendors)
    print("ok")


if __name__ == "__main__":
    main()
