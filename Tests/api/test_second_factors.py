"""An authenticator app and recovery codes, with codes that are computed here and not by Florin."""

import base64
import concurrent.futures
import datetime
import hmac
import pathlib
import re
import sys
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from running_florin import PASSWORD, running_florin

STEP_SECONDS = 30
# How long a proof counts.
STEP_UP_SECONDS = 300
STEP_UPS = "/v1/sessions/current/step_ups"


class App:
    """RFC 6238 in a few lines."""

    def __init__(self, florin, secret):
        self.florin = florin
        self.key = base64.b32decode(secret)

    def code(self, steps=0):
        clock = self.florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": 0})["now"]
        seconds = datetime.datetime.fromisoformat(clock.replace("Z", "+00:00")).timestamp()
        step = int(seconds) // STEP_SECONDS + steps
        tag = hmac.digest(self.key, step.to_bytes(8, "big"), "sha1")
        offset = tag[-1] & 15
        number = int.from_bytes(tag[offset:offset + 4], "big") & 0x7FFF_FFFF
        return f"{number % 1_000_000:06}"

    def next_code(self):
        """Of a step that was not used yet."""
        self.florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": 2 * STEP_SECONDS})
        return self.code()


def main():
    with running_florin() as florin:
        asha = florin.sign_up("asha_codes")
        token = asha["access_token"]
        app, codes = an_app_is_set_up(florin, token)
        each_code_is_good_once(florin, token, app)
        recovery_codes_are_good_once(florin, asha, app, codes)
        guessing_is_slowed_down(florin, token, app)
        it_is_removed_with_a_code(florin, token, app)
        florin.command("audit")
    print("second factors: set up, used once each, renewed and removed")


def an_app_is_set_up(florin, token):
    state = florin.expect(200, "GET", "/v1/second_factors", token=token)
    assert state == {"totp_since": None, "recovery_codes_left": 0}, state
    refused(florin, 404, "totp_not_found", "/v1/totp/confirmations", {"code": "123456"}, token)

    # A session alone sets nothing up.
    answer = refused(florin, 403, "step_up_required", "/v1/totp", None, token)
    assert answer["methods"] == ["password"], answer
    florin.step_up(token, password=PASSWORD)
    abandoned = florin.expect(201, "POST", "/v1/totp", token=token)
    enrolled = florin.expect(201, "POST", "/v1/totp", token=token)
    assert enrolled["secret"] != abandoned["secret"]
    uri = urllib.parse.urlparse(enrolled["uri"])
    assert (uri.scheme, uri.netloc, uri.path) == ("otpauth", "totp", "/Florin:asha_codes")
    assert dict(urllib.parse.parse_qsl(uri.query)) == {
        "secret": enrolled["secret"], "issuer": "Florin", "algorithm": "SHA1", "digits": "6",
        "period": "30"}

    app = App(florin, enrolled["secret"])
    old = App(florin, abandoned["secret"])
    # Before it is confirmed it proves nothing.
    refused(florin, 404, "totp_not_found", "/v1/recovery_codes",
            {"method": "totp", "code": app.code()}, token)
    answer = refused(florin, 422, "second_factor_incorrect", "/v1/totp/confirmations",
                     {"code": old.code()}, token)
    assert answer["tries_left"] == 4
    confirmed = florin.expect(
        201, "POST", "/v1/totp/confirmations", {"code": app.code()}, token)
    codes = confirmed["recovery_codes"]
    assert len(set(codes)) == 10
    assert all(re.fullmatch(r"([A-Z2-7]{4}-){3}[A-Z2-7]{4}", code) for code in codes), codes
    state = florin.expect(200, "GET", "/v1/second_factors", token=token)
    assert state["totp_since"] is not None and state["recovery_codes_left"] == 10
    it_steps_the_session_up(florin, token, app)
    refused(florin, 409, "totp_exists", "/v1/totp", None, token)
    refused(florin, 409, "totp_exists", "/v1/totp/confirmations", {"code": app.code()}, token)
    return app, codes


def it_steps_the_session_up(florin, token, app):
    """From the first code on the app is what is asked for, once the proof that set it up is old."""
    florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": STEP_UP_SECONDS})
    answer = refused(florin, 403, "step_up_required", "/v1/totp", None, token)
    assert answer["methods"] == ["totp"], answer
    refused(florin, 403, "step_up_required", STEP_UPS, {"password": PASSWORD}, token)
    code = app.next_code()
    wrong = f"{(int(code) + 500_000) % 1_000_000:06}"
    answer = refused(florin, 422, "second_factor_incorrect", STEP_UPS, {"totp": wrong}, token)
    assert answer["tries_left"] == 4, answer
    assert florin.step_up(token, totp=code)["method"] == "totp"
    refused(florin, 422, "second_factor_incorrect", STEP_UPS, {"totp": code}, token)


def renew(florin, token, status, code, method="totp"):
    body = {"method": method, "code": code}
    return florin.expect(status, "POST", "/v1/recovery_codes", body, token)


def each_code_is_good_once(florin, token, app):
    code = app.next_code()
    renew(florin, token, 201, code[:3] + " " + code[3:])
    assert renew(florin, token, 422, code)["code"] == "second_factor_incorrect"
    # Nor is an older one good after a newer one; nor one from far away.
    renew(florin, token, 422, app.code(-1))
    renew(florin, token, 422, app.code(2))
    renew(florin, token, 201, app.code(1))
    # Of twins one is first.
    code = app.next_code()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        body = {"method": "totp", "code": code}
        twins = [pool.submit(florin.call, "POST", "/v1/recovery_codes", body, token) for _ in range(4)]
    answers = [twin.result() for twin in twins]
    assert sorted(status for status, _ in answers) == [201, 422, 422, 422], answers


def recovery_codes_are_good_once(florin, asha, app, old):
    token = asha["access_token"]
    # Renewed ones take the place of the old.
    renew(florin, token, 422, old[0], "recovery_code")
    codes = renew(florin, token, 201, app.next_code())["recovery_codes"]
    assert not set(codes) & set(old)
    # However people type them.
    spelt = codes[0].lower().replace("-", " ")
    newer = renew(florin, token, 201, spelt, "recovery_code")["recovery_codes"]
    phone = asha["user"]["phone"]
    told = florin.expect(200, "GET", f"/sandbox/messages?to=%2B{phone[1:]}")["data"]
    assert any("recovery code of your Florin wallet was used" in each["body"] for each in told)
    renew(florin, token, 422, codes[0], "recovery_code")
    # Nobody else's.
    other = florin.sign_up("brian_codes")["access_token"]
    refused(florin, 404, "totp_not_found", "/v1/recovery_codes",
            {"method": "recovery_code", "code": newer[0]}, other)
    renew(florin, token, 201, newer[1], "recovery_code")


def guessing_is_slowed_down(florin, token, app):
    app.next_code()
    wrong = f"{(int(app.code()) + 500_000) % 1_000_000:06}"
    left = [renew(florin, token, 422, wrong)["tries_left"] for _ in range(5)]
    assert left == [4, 3, 2, 1, 0], left
    # Also the right one has to wait now.
    answer = renew(florin, token, 429, app.code())
    assert answer["code"] == "too_many_attempts" and 1 <= answer["retry_after"] <= 30, answer
    renew(florin, token, 201, app.next_code())


def it_is_removed_with_a_code(florin, token, app):
    wrong = {"method": "recovery_code", "code": "AAAA-AAAA-AAAA-AAAA"}
    refused(florin, 422, "second_factor_incorrect", "/v1/totp/removals", wrong, token)
    body = {"method": "totp", "code": app.next_code()}
    florin.expect(204, "POST", "/v1/totp/removals", body, token)
    state = florin.expect(200, "GET", "/v1/second_factors", token=token)
    assert state == {"totp_since": None, "recovery_codes_left": 0}, state
    refused(florin, 404, "totp_not_found", "/v1/totp/removals", body, token)


def refused(florin, status, code, path, body, token):
    answer = florin.expect(status, "POST", path, body, token)
    assert answer["code"] == code, answer
    return answer


main()
