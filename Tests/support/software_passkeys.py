"""Passkeys in software, from PyPI's soft-webauthn, spoken to as a browser would."""

import base64
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.utils import sha256
from soft_webauthn import SoftWebauthnDevice

ORIGIN = "https://wallet.example"
VERIFIED = 0x04
FLAGS_AT = 32


def encode(raw):
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Passkey(SoftWebauthnDevice):
    """soft-webauthn with a finger: it says that it has verified its holder, and counts its uses."""

    def made(self, options, origin=ORIGIN, verified=True):
        """RegistrationResponseJSON for the server's options."""
        made = self.create({"publicKey": self.opened(options)}, origin)
        response = made["response"]
        attestation = cbor.decode(response["attestationObject"])
        if verified:
            attestation["authData"] = with_flag(attestation["authData"], VERIFIED)
        return {
            "id": encode(made["rawId"]), "rawId": encode(made["rawId"]), "type": made["type"],
            "response": {
                "clientDataJSON": encode(response["clientDataJSON"]),
                "attestationObject": encode(cbor.encode(attestation)),
            },
            "clientExtensionResults": {},
        }

    def used(self, options, origin=ORIGIN, verified=True):
        """AuthenticationResponseJSON for the server's options."""
        got = self.get({"publicKey": self.opened(options)}, origin)
        response = got["response"]
        data, signature = response["authenticatorData"], response["signature"]
        if verified:
            data = with_flag(data, VERIFIED)
            signature = self.sign(data + sha256(response["clientDataJSON"]))
        return {
            "id": encode(got["rawId"]), "rawId": encode(got["rawId"]), "type": got["type"],
            "response": {
                "clientDataJSON": encode(response["clientDataJSON"]),
                "authenticatorData": encode(data), "signature": encode(signature),
                "userHandle": encode(response["userHandle"]),
            },
            "clientExtensionResults": {},
        }

    def sign(self, message):
        return self.private_key.sign(message, ec.ECDSA(hashes.SHA256()))

    def opened(self, options):
        """The options with their bytes decoded, as a browser hands them on."""
        options = json.loads(json.dumps(options["public_key"]))
        options["challenge"] = decode(options["challenge"])
        if "user" in options:
            options["user"]["id"] = decode(options["user"]["id"])
        return options


def with_flag(data, flag):
    return data[:FLAGS_AT] + bytes([data[FLAGS_AT] | flag]) + data[FLAGS_AT + 1:]


def add_passkey(florin, token, passkey, name="A key", status=201, **bend):
    florin.step_up(token)
    options = florin.expect(201, "POST", "/v1/passkeys/registrations", token=token)
    body = {"name": name, "credential": passkey.made(options, **bend)}
    return florin.expect(status, "POST", "/v1/passkeys", body, token)


def log_in(florin, passkey, status=201, change=lambda assertion: assertion, **bend):
    options = florin.expect(201, "POST", "/v1/sessions/passkey_challenges")
    body = {"assertion": change(passkey.used(options, **bend))}
    return florin.expect(status, "POST", "/v1/sessions/passkeys", body)
