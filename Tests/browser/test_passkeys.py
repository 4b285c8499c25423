"""A passkey in a real browser with its virtual authenticator: added, used without a name, removed;
and an authenticator app set up on the page."""

import base64
import hmac
import pathlib
import re
import sys
import time

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from running_florin import PASSWORD, running_florin

CHROMIUM = "/usr/bin/chromium"
PHONE = {"width": 360, "height": 740}


def main():
    with running_florin() as florin, sync_playwright() as playwright:
        florin.sign_up("asha_touch")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_context(viewport=PHONE, locale="en-GB").new_page()
        faults = []
        page.on("pageerror", lambda error: faults.append(str(error)))
        finger = Finger(page)

        page.goto(florin.url)
        # Browsers bind passkeys to a name, so at a bare address none is offered.
        expect(page.get_by_role("button", name="Log in", exact=True)).to_be_visible()
        expect(page.get_by_role("button", name="Log in with a passkey")).to_have_count(0)

        page.goto(florin.url.replace("127.0.0.1", "localhost"))
        without_a_passkey_nobody_enters(page)
        log_in(page)
        a_passkey_is_added_and_renamed(page)
        it_is_kept_where_it_needs_no_name(finger)
        an_unverified_finger_does_not_open(page, finger)
        the_passkey_opens(page)
        an_app_is_set_up_and_removed(page)
        a_removed_one_does_not(page)

        assert faults == [], faults
        browser.close()
        florin.command("audit")
    print("passkeys: one was added, renamed, used and removed in a browser")


class Finger:
    """The browser's virtual authenticator: a telephone that checks a finger."""

    def __init__(self, page):
        self.session = page.context.new_cdp_session(page)
        self.session.send("WebAuthn.enable")
        self.id = self.session.send("WebAuthn.addVirtualAuthenticator", {"options": {
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": True,
            "hasUserVerification": True, "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }})["authenticatorId"]

    @property
    def credentials(self):
        return self.session.send(
            "WebAuthn.getCredentials", {"authenticatorId": self.id})["credentials"]

    def is_right(self, is_right):
        self.session.send("WebAuthn.setUserVerified", {
            "authenticatorId": self.id, "isUserVerified": is_right})


def press(page, name):
    page.get_by_role("button", name=name, exact=True).click()


def log_in(page):
    page.get_by_label("Username, phone or e-mail").fill("asha_touch")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    press(page, "Log in")
    # The person proved their number elsewhere, so this browser is new.
    press(page, "Read your code")
    expect(page.get_by_label("Six-digit code")).to_have_value(re.compile(r"^\d{6}$"))
    press(page, "Log in")
    expect(page.get_by_role("button", name="Security")).to_be_visible()


def log_out(page):
    press(page, "Log out")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


def without_a_passkey_nobody_enters(page):
    press(page, "Log in with a passkey")
    expect(page.get_by_role("alert").filter(has_text="No passkey was used")).to_be_visible()


def a_passkey_is_added_and_renamed(page):
    dialog = page.get_by_role("dialog")
    press(page, "Security")
    expect(dialog.get_by_text("You have none yet.")).to_be_visible()
    press(page, "Add a passkey")
    page.get_by_label("Name", exact=True).fill("My telephone")
    # From the keyboard, as everything works from there.
    page.keyboard.press("Enter")
    # A session alone adds nothing.
    asked = page.get_by_role("dialog", name="Is it you?")
    password = asked.get_by_label("Password", exact=True)
    password.fill("not it")
    page.keyboard.press("Enter")
    expect(password).to_have_accessible_description("The password is wrong.")
    password.fill(PASSWORD)
    page.keyboard.press("Enter")
    expect(dialog.get_by_text("Not used yet")).to_be_visible()
    # One device makes no second passkey for the same person, who has just shown to be there.
    press(page, "Add a passkey")
    press(page, "Continue")
    expect(dialog.get_by_text("has a passkey for you already")).to_be_visible()
    press(page, "Back")
    press(page, "Rename My telephone")
    page.get_by_label("Name", exact=True).fill("Asha's telephone")
    press(page, "Save")
    expect(dialog.get_by_text("Asha's telephone")).to_be_visible()
    page.keyboard.press("Escape")
    log_out(page)


def it_is_kept_where_it_needs_no_name(finger):
    (credential,) = finger.credentials
    assert credential["isResidentCredential"] and credential["rpId"] == "localhost"
    assert len(credential["userHandle"]) == 44, credential["userHandle"]


def an_unverified_finger_does_not_open(page, finger):
    finger.is_right(False)
    press(page, "Log in with a passkey")
    expect(page.get_by_role("alert").filter(has_text=re.compile("passkey"))).to_be_visible()
    finger.is_right(True)


def the_passkey_opens(page):
    press(page, "Log in with a passkey")
    press(page, "Security")
    expect(page.get_by_role("dialog").get_by_text(re.compile("^Last used"))).to_be_visible()


def an_app_is_set_up_and_removed(page):
    dialog = page.get_by_role("dialog")
    press(page, "Set up an app")
    press(page, "Use a passkey")
    secret = dialog.get_by_label("Secret", exact=True).inner_text().replace(" ", "")
    code = page.get_by_label("Six-digit code of the app")
    code.fill("12345")
    press(page, "Confirm")
    expect(code).to_have_accessible_description(re.compile("wrong or was used before"))
    code.fill(app_code(secret))
    press(page, "Confirm")
    codes = dialog.get_by_role("list", name="Recovery codes").get_by_role("listitem")
    expect(codes).to_have_count(10)
    recovery = codes.first.inner_text().strip()
    press(page, "I have kept them")
    expect(dialog.get_by_text(re.compile("Recovery codes left: 10"))).to_be_visible()
    press(page, "Remove the app")
    page.get_by_label("Code of the app, or a recovery code").fill(recovery.lower())
    press(page, "Remove")
    expect(dialog.get_by_role("button", name="Set up an app")).to_be_visible()


def app_code(secret):
    """RFC 6238."""
    step = int(time.time()) // 30
    tag = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = tag[-1] & 15
    return f"{(int.from_bytes(tag[offset:offset + 4], 'big') & 0x7FFF_FFFF) % 1_000_000:06}"


def a_removed_one_does_not(page):
    press(page, "Remove Asha's telephone")
    expect(page.get_by_role("dialog").get_by_text("You have none yet.")).to_be_visible()
    page.keyboard.press("Escape")
    log_out(page)
    press(page, "Log in with a passkey")
    expect(page.get_by_role("alert").filter(has_text="opens no wallet here")).to_be_visible()


main()
