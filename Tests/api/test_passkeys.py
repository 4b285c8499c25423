"""Passkeys over HTTP, with an authenticator that shares nothing with Florin."""

import copy
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa
from fido2 import cbor
from fido2.utils import sha256
from running_florin import PASSWORD, running_florin
from software_passkeys import ORIGIN, Passkey, add_passkey, decode, encode, log_in

CHALLENGE_SECONDS = 300
STEP_UPS = "/v1/sessions/current/step_ups"
PASSKEYS_MAX = 20
ED25519, RS256 = -8, -257


def main():
    with running_florin(FLORIN_WEB_ORIGIN=ORIGIN) as florin:
        asha = florin.sign_up("asha_keys")
        token = asha["access_token"]
        a_session_alone_adds_none(florin, token)
        florin.set_pin(token)
        key = Passkey()
        added = add_passkey(florin, token, key, "Laptop")
        assert added["name"] == "Laptop" and added["last_used_at"] is None, added

        it_logs_in_without_a_name(florin, asha, key)
        the_options_are_what_browsers_need(florin, asha, key)
        a_challenge_is_good_once_and_for_five_minutes(florin, key)
        what_does_not_fit_is_refused(florin, token, key)
        client_data_is_strict_json(florin, key)
        other_algorithms_work(florin, token)
        names_and_removal(florin, asha)
        a_copy_is_blocked_and_told(florin, token, key)
        there_is_an_end_to_them(florin)
        it_steps_a_session_up(florin)
        florin.command("audit")
    print("passkeys: registered, used, and refused in every way tried")


def a_session_alone_adds_none(florin, token):
    refused(florin, 403, "step_up_required", "/v1/passkeys/registrations", None, token)


def it_logs_in_without_a_name(florin, asha, key):
    session = log_in(florin, key)
    assert session["user"]["id"] == asha["user"]["id"]
    assert florin.expect(200, "GET", "/v1/me", token=session["access_token"])["username"] == "asha_keys"
    assert session["refresh_token"] and session["token_type"] == "Bearer"
    (shown,) = florin.expect(200, "GET", "/v1/passkeys", token=session["access_token"])["data"]
    assert shown["status"] == "active" and shown["last_used_at"] is not None


def the_options_are_what_browsers_need(florin, asha, key):
    token = asha["access_token"]
    florin.step_up(token)
    first = florin.expect(201, "POST", "/v1/passkeys/registrations", token=token)
    again = florin.expect(201, "POST", "/v1/passkeys/registrations", token=token)
    options = again["public_key"]
    assert options["challenge"] != first["public_key"]["challenge"]
    assert len(decode(options["challenge"])) == 32
    assert options["user"]["id"] == first["public_key"]["user"]["id"]
    # The device's name for its owner says nothing about them.
    handle = decode(options["user"]["id"])
    assert len(handle) == 32 and bytes.fromhex(asha["user"]["id"].replace("-", "")) not in handle
    assert options["excludeCredentials"] == [{"type": "public-key", "id": encode(key.credential_id)}]
    assert options["authenticatorSelection"]["residentKey"] == "required"
    assert options["authenticatorSelection"]["userVerification"] == "required"
    assert [each["alg"] for each in options["pubKeyCredParams"]] == [-7, ED25519, RS256]
    # A second order takes the place of the first.
    body = {"name": "Old", "credential": Passkey().made(first)}
    refused(florin, 410, "passkey_challenge_expired", "/v1/passkeys", body, token)


def a_challenge_is_good_once_and_for_five_minutes(florin, key):
    options = florin.expect(201, "POST", "/v1/sessions/passkey_challenges")
    body = {"assertion": key.used(options)}
    florin.expect(201, "POST", "/v1/sessions/passkeys", body)
    refused(florin, 410, "passkey_challenge_expired", "/v1/sessions/passkeys", body)

    options = florin.expect(201, "POST", "/v1/sessions/passkey_challenges")
    bad, good = key.used(options, verified=False), key.used(options)
    # A refusal spends it too.
    refused(florin, 422, "passkey_invalid", "/v1/sessions/passkeys", {"assertion": bad})
    refused(florin, 410, "passkey_challenge_expired", "/v1/sessions/passkeys", {"assertion": good})

    options = florin.expect(201, "POST", "/v1/sessions/passkey_challenges")
    body = {"assertion": key.used(options)}
    florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": CHALLENGE_SECONDS})
    refused(florin, 410, "passkey_challenge_expired", "/v1/sessions/passkeys", body)


def what_does_not_fit_is_refused(florin, token, key):
    for reason, bend in [
        ("user_not_verified", {"verified": False}),
        ("origin_wrong", {"origin": "https://wallet.example.evil"}),
        ("origin_wrong", {"origin": "http://wallet.example"}),
    ]:
        assert log_in(florin, key, 422, **bend)["reason"] == reason
        assert add_passkey(florin, token, Passkey(), status=422, **bend)["reason"] == reason

    def changed(name, change):
        def act(assertion):
            assertion = copy.deepcopy(assertion)
            assertion["response"][name] = change(assertion["response"][name])
            return assertion
        return act

    flip = lambda text: encode(bytes([decode(text)[0] ^ 1]) + decode(text)[1:])
    for reason, change in [
        ("signature_wrong", changed("signature", flip)),
        ("relying_party_wrong", changed("authenticatorData", flip)),
        ("authenticator_data_malformed", changed("authenticatorData", lambda text: text[:8])),
        ("credential_mismatch", changed("userHandle", flip)),
        ("credential_mismatch", changed("userHandle", lambda text: None)),
        ("encoding_malformed", changed("signature", lambda text: text + "=")),
    ]:
        answer = log_in(florin, key, 422, change)
        assert answer["code"] == "passkey_invalid" and answer["reason"] == reason, (reason, answer)

    unknown = lambda assertion: {**assertion, "id": encode(b"x" * 32)}
    assert log_in(florin, key, 401, unknown)["code"] == "passkey_unknown"
    # What one site's device made for another person cannot be added twice.
    florin.step_up(token)
    options = florin.expect(201, "POST", "/v1/passkeys/registrations", token=token)
    twin = Passkey()
    made = twin.made(options)
    florin.expect(201, "POST", "/v1/passkeys", {"name": "Twin", "credential": made}, token)
    other = florin.sign_up("brian_keys")["access_token"]
    florin.step_up(other, password=PASSWORD)
    options = florin.expect(201, "POST", "/v1/passkeys/registrations", token=other)
    client_data = {
        "type": "webauthn.create", "challenge": options["public_key"]["challenge"], "origin": ORIGIN}
    made["response"]["clientDataJSON"] = encode(json.dumps(client_data).encode())
    refused(florin, 409, "passkey_exists", "/v1/passkeys", {"name": "Twin", "credential": made}, other)


def client_data_is_strict_json(florin, key):
    """Every text is signed by the right key, so only what it says is wrong."""
    for reason, bend in [
        (None, lambda text: text),
        (None, lambda text: text.replace("}", ', "tokenBinding": {"status": "supported"}}')),
        (None, lambda text: text.replace("}", ', "something_new": [1, 2]}')),
        ("client_data_malformed", lambda text: text + " x"),
        ("client_data_malformed", lambda text: "\ufeff" + text),
        ("client_data_malformed", lambda text: text.replace('"origin"', "'origin'")),
        ("client_data_malformed", lambda text: text.replace("}", ', "origin": "' + ORIGIN + '"}')),
        ("client_data_malformed", lambda text: text.replace("}", ', "crossOrigin": "no"}')),
        ("client_data_malformed", lambda text: text.replace("}", ', "deep": ' + "[" * 99 + "]" * 99 + "}")),
        ("client_data_malformed", lambda text: text + " " * 5000),
        ("client_data_malformed", lambda text: "[" + text + "]"),
        ("client_data_malformed", lambda text: "null"),
        ("origin_wrong", lambda text: text.replace("}", ', "crossOrigin": true}')),
        ("origin_wrong", lambda text: text.replace("}", ', "topOrigin": "https://evil.example"}')),
        ("ceremony_wrong", lambda text: text.replace("webauthn.get", "webauthn.create")),
    ]:
        def change(assertion):
            response = assertion["response"]
            text = bend(decode(response["clientDataJSON"]).decode()).encode()
            response["clientDataJSON"] = encode(text)
            response["signature"] = encode(
                key.sign(decode(response["authenticatorData"]) + sha256(text)))
            return assertion

        answer = log_in(florin, key, 201 if reason is None else 422, change)
        assert answer.get("reason") == reason, (reason, answer)


class OtherPasskey(Passkey):
    """The same device with a key of another kind."""

    def __init__(self, algorithm):
        super().__init__()
        self.algorithm = algorithm

    def made(self, options, **bend):
        made = super().made(options, **bend)
        response = made["response"]
        attestation = cbor.decode(decode(response["attestationObject"]))
        head = attestation["authData"][:55 + len(self.credential_id)]
        attestation["authData"] = head + cbor.encode(self.new_key())
        response["attestationObject"] = encode(cbor.encode(attestation))
        return made

    def new_key(self):
        if self.algorithm == ED25519:
            self.private_key = ed25519.Ed25519PrivateKey.generate()
            raw = self.private_key.public_key().public_bytes(
                serialization.Encoding.Raw, serialization.PublicFormat.Raw)
            return {1: 1, 3: ED25519, -1: 6, -2: raw}
        self.private_key = rsa.generate_private_key(65537, 2048)
        modulus = self.private_key.public_key().public_numbers().n
        return {1: 3, 3: RS256, -1: modulus.to_bytes(256, "big"), -2: b"\x01\x00\x01"}

    def used(self, options, **bend):
        """soft-webauthn can sign with P-256 alone, so all is signed here."""
        opened = self.opened(options)
        self.sign_count += 1
        data = sha256(opened["rpId"].encode()) + b"\x05" + self.sign_count.to_bytes(4, "big")
        client_data = json.dumps({
            "type": "webauthn.get", "challenge": encode(opened["challenge"]), "origin": ORIGIN,
            "crossOrigin": False}).encode()
        return {
            "id": encode(self.credential_id), "type": "public-key",
            "response": {
                "clientDataJSON": encode(client_data), "authenticatorData": encode(data),
                "signature": encode(self.sign(data + sha256(client_data))),
                "userHandle": encode(self.user_handle),
            },
        }

    def sign(self, message):
        if self.algorithm == ED25519:
            return self.private_key.sign(message)
        return self.private_key.sign(message, padding.PKCS1v15(), hashes.SHA256())


def other_algorithms_work(florin, token):
    for algorithm in (ED25519, RS256):
        key = OtherPasskey(algorithm)
        add_passkey(florin, token, key, f"Algorithm {algorithm}")
        log_in(florin, key)
        log_in(florin, key)

        def flip(assertion):
            signature = bytearray(decode(assertion["response"]["signature"]))
            signature[9] ^= 1
            assertion["response"]["signature"] = encode(bytes(signature))
            return assertion

        assert log_in(florin, key, 422, flip)["reason"] == "signature_wrong"


def names_and_removal(florin, asha):
    token = asha["access_token"]
    key = Passkey()
    added = add_passkey(florin, token, key, "Telefon 📱")
    path = f"/v1/passkeys/{added['id']}"
    renamed = florin.expect(200, "PATCH", path, {"name": "Telephone"}, token)
    assert renamed["name"] == "Telephone" and renamed["id"] == added["id"]
    for name in ("", "x" * 61, "a\u0000b", 7):
        assert florin.call("PATCH", path, {"name": name}, token)[0] == 400

    stranger = florin.sign_up("chep_keys")["access_token"]
    florin.step_up(stranger, password=PASSWORD)
    for method, body in (("PATCH", {"name": "Mine"}), ("DELETE", None)):
        assert florin.expect(404, method, path, body, stranger)["code"] == "passkey_not_found"
    assert florin.expect(200, "GET", "/v1/passkeys", token=stranger)["data"] == []
    florin.expect(204, "DELETE", path, token=token)
    assert florin.expect(404, "DELETE", path, token=token)["code"] == "passkey_not_found"
    assert log_in(florin, key, 401)["code"] == "passkey_unknown"
    assert "removed" in newest_message(florin, asha)


def it_steps_a_session_up(florin):
    """Who has a passkey pays large amounts and changes what is weighty with it, and with nothing less."""
    chebet, daudi = florin.sign_up("chebet_keys"), florin.sign_up("daudi_keys")
    token, key = chebet["access_token"], Passkey()
    florin.step_up(token, password=PASSWORD)
    options = florin.expect(201, "POST", "/v1/passkeys/registrations", token=token)
    florin.expect(201, "POST", "/v1/passkeys", {"name": "Only", "credential": key.made(options)}, token)
    florin.expect(201, "POST", "/sandbox/topups", {"amount": 2_000_000, "currency": "KES"}, token)
    payment = {"to": "daudi_keys", "amount": 600_000, "currency": "KES"}
    pay = lambda status, number: florin.expect(
        status, "POST", "/v1/transfers", payment, token, {"Idempotency-Key": f"large-{number}"})

    # What made the passkey counts as a proof, for as long as any does.
    florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": CHALLENGE_SECONDS})
    assert pay(403, 1)["code"] == "pin_required"
    answer = refused(florin, 403, "step_up_required", "/v1/passkeys/registrations", None, token)
    assert answer["methods"] == ["passkey"], answer
    refused(florin, 403, "step_up_required", STEP_UPS, {"password": PASSWORD}, token)

    def challenge():
        return florin.expect(201, "POST", "/v1/sessions/current/step_up_challenges", token=token)

    options = challenge()
    assert options["public_key"]["allowCredentials"] == [
        {"type": "public-key", "id": encode(key.credential_id)}]
    # Nobody else's challenge, nobody else's passkey, and each challenge once.
    proof = {"assertion": key.used(options)}
    refused(florin, 410, "passkey_challenge_expired", STEP_UPS, proof, daudi["access_token"])
    refused(florin, 422, "passkey_invalid", STEP_UPS, {"assertion": key.used(challenge(), verified=False)}, token)
    log_in_options = florin.expect(201, "POST", "/v1/sessions/passkey_challenges")
    refused(florin, 410, "passkey_challenge_expired", STEP_UPS, {"assertion": key.used(log_in_options)}, token)
    options = challenge()
    proof = {"assertion": key.used(options)}
    assert florin.step_up(token, **proof)["method"] == "passkey"
    refused(florin, 410, "passkey_challenge_expired", STEP_UPS, proof, token)
    pay(201, 1)
    florin.expect(201, "POST", "/v1/passkeys/registrations", token=token)
    florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": CHALLENGE_SECONDS})
    assert pay(403, 2)["code"] == "pin_required"
    refused(florin, 404, "passkey_not_found", "/v1/sessions/current/step_up_challenges", None,
            daudi["access_token"])


def a_copy_is_blocked_and_told(florin, token, key):
    """Two devices with one key: the second to be used shows a count that went back."""
    copied = copy.copy(key)
    log_in(florin, key)
    answer = log_in(florin, copied, 403)
    assert answer["code"] == "passkey_suspended", answer
    # Blocked for both, since nobody knows which is the owner's.
    key.sign_count += 100
    assert log_in(florin, key, 403)["code"] == "passkey_suspended"
    shown = florin.expect(200, "GET", "/v1/passkeys", token=token)["data"]
    assert [each["status"] for each in shown if each["name"] == "Laptop"] == ["suspended"]
    me = florin.expect(200, "GET", "/v1/me", token=token)
    assert "copied" in newest_message(florin, {"user": me})

    # One that does not count says 0 for ever, as most do.
    still = Passkey()
    add_passkey(florin, token, still, "Does not count")
    for _ in range(3):
        still.sign_count = -1
        log_in(florin, still)


def there_is_an_end_to_them(florin):
    token = florin.sign_up("many_keys")["access_token"]
    florin.set_pin(token)
    for number in range(PASSKEYS_MAX - 1):
        add_passkey(florin, token, Passkey(), f"Key {number}")
    options = florin.expect(201, "POST", "/v1/passkeys/registrations", token=token)
    last = {"name": "Last", "credential": Passkey().made(options)}
    florin.expect(201, "POST", "/v1/passkeys", last, token)
    answer = florin.expect(409, "POST", "/v1/passkeys/registrations", token=token)
    assert answer["code"] == "too_many_passkeys" and answer["passkeys_max"] == PASSKEYS_MAX


def newest_message(florin, person):
    phone = person["user"]["phone"]
    return florin.expect(200, "GET", f"/sandbox/messages?to=%2B{phone[1:]}")["data"][0]["body"]


def refused(florin, status, code, path, body, token=None):
    answer = florin.expect(status, "POST", path, body, token)
    assert answer["code"] == code, answer
    return answer


main()
