"""Sessions in a real browser: where they are kept, how a strict one ends with its page, how others are
ended from a list, and how a new password is judged while it is typed."""

import pathlib
import re
import sys

from playwright.sync_api import expect, sync_playwright

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from running_florin import PASSWORD, PIN, phone_numbers, running_florin

CHROMIUM = "/usr/bin/chromium"
PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}
# bcrypt of PASSWORD, as an imported person has it.
IMPORTED_HASH = "$2b$04$w9heZf9EO6ruuELfM0CwbeUrI6DZH9ulGMu90o4.amrjD0OdqiYVq"


def main():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        # The devices of this test are many, and what a new one is asked for is shown elsewhere.
        with running_florin(FLORIN_NEW_DEVICE_CODE="off") as florin:
            tokens = {name: florin.sign_up(name)["access_token"] for name in ("asha_s", "brian_s")}
            a_script_finds_nothing_that_opens(browser, florin)
            a_reload_keeps_a_standard_session(browser, florin)
            leaving_ends_a_strict_one(browser, florin, tokens["asha_s"])
            the_switch_makes_log_ins_strict(browser, florin, tokens["brian_s"])
            sessions_are_named_and_ended_from_the_list(browser, florin)
            a_tab_never_acts_for_somebody_else(browser, florin)
            a_new_password_is_judged_while_it_is_typed(browser, florin)
            a_large_payment_asks_for_the_pin(browser, florin)
            florin.command("audit")
        a_real_server_sets_secure_cookies(browser)
        browser.close()
    print("sessions: kept in cookies, ended by leaving, listed and ended")


class Page:
    """A page of a browser that has nothing from before."""

    def __init__(self, browser, url, size=PHONE, context=None):
        self.context = context or browser.new_context(viewport=size, locale="en-GB")
        self.page = self.context.new_page()
        self.faults = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.goto(url)

    def log_in(self, name, shared=False, password=PASSWORD):
        self.page.get_by_label("Username, phone or e-mail").fill(name)
        self.page.get_by_label("Password", exact=True).fill(password)
        if shared:
            self.page.get_by_label("This phone is shared").check()
        self.press("Log in")
        self.is_in(name)

    def press(self, name):
        self.page.get_by_role("button", name=name, exact=True).click()

    def open_security(self):
        self.press("Security")
        expect(self.dialog.get_by_role("switch", name="Strict mode")).to_be_visible()

    def is_in(self, name):
        expect(self.page.locator(".topbar-user")).to_have_attribute("title", f"@{name}")

    def is_out(self):
        expect(self.page.get_by_role("heading", name="Log in")).to_be_visible()

    @property
    def dialog(self):
        return self.page.get_by_role("dialog")

    def had_no_faults(self):
        assert self.faults == [], self.faults
        width = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"the page is {width} pixels too wide"
        self.context.close()


def a_script_finds_nothing_that_opens(browser, florin):
    one = Page(browser, florin.url)
    one.log_in("asha_s")
    assert one.page.evaluate("Object.keys(sessionStorage)") == []
    kept = one.page.evaluate("Object.keys(localStorage)")
    assert set(kept) <= {"florin.devices"}, kept
    seen = one.page.evaluate("document.cookie")
    assert re.fullmatch(r"florin_csrf=[\w-]+", seen), seen
    cookies = {cookie["name"]: cookie for cookie in one.context.cookies()}
    assert set(cookies) == {"florin_session", "florin_csrf"}, cookies
    session = cookies["florin_session"]
    assert session["httpOnly"] and session["sameSite"] == "Strict" and session["path"] == "/"
    assert session["value"] not in one.page.content()
    # What is seen in the page's memory opens nothing without the cookie.
    asked = florin.call("GET", "/v1/me", headers={"Cookie": seen})
    assert asked[0] == 401, asked
    one.had_no_faults()


def a_reload_keeps_a_standard_session(browser, florin):
    one = Page(browser, florin.url, DESK)
    one.log_in("asha_s")
    one.page.reload()
    one.is_in("asha_s")
    one.press("Log out")
    one.is_out()
    assert one.context.cookies() == [], one.context.cookies()
    one.page.reload()
    one.is_out()
    one.had_no_faults()


def leaving_ends_a_strict_one(browser, florin, token):
    for leave in (
        lambda page: page.goto("about:blank"), lambda page: page.reload(),
        lambda page: page.close(run_before_unload=True),
    ):
        one = Page(browser, florin.url)
        one.log_in("asha_s", shared=True)
        cookies = one.context.cookies()
        # The browser forgets it when it is closed, whatever the page can still say.
        assert all(cookie["expires"] == -1 for cookie in cookies), cookies
        assert strict_sessions(florin, token) == 1
        leave(one.page)
        # The beacon needs no page any more; its answer is for nobody.
        while strict_sessions(florin, token) > 0:
            pass
        again = Page(browser, florin.url, context=one.context)
        again.is_out()
        header = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in cookies)
        assert florin.call("GET", "/v1/me", headers={"Cookie": header})[0] == 401
        assert one.faults == [] and again.faults == [], one.faults + again.faults
        one.context.close()


def strict_sessions(florin, token):
    rows = florin.expect(200, "GET", "/v1/sessions", token=token)["data"]
    return sum(row["mode"] == "strict" for row in rows)


def the_switch_makes_log_ins_strict(browser, florin, token):
    one = Page(browser, florin.url)
    one.log_in("brian_s")
    one.open_security()
    switch = one.dialog.get_by_role("switch", name="Strict mode")
    expect(switch).to_have_attribute("aria-checked", "false")
    # From the keyboard, as everything works from there.
    switch.focus()
    one.page.keyboard.press("Space")
    expect(switch).to_have_attribute("aria-checked", "true")
    one.page.keyboard.press("Escape")
    one.press("Log out")
    one.log_in("brian_s")
    one.open_security()
    expect(one.dialog.get_by_text("This visit is strict")).to_be_visible()
    one.dialog.get_by_role("switch", name="Strict mode").click()
    expect(switch).to_have_attribute("aria-checked", "false")
    one.page.keyboard.press("Escape")
    one.page.reload()
    one.is_out()
    while strict_sessions(florin, token) > 0:
        pass
    one.had_no_faults()


def sessions_are_named_and_ended_from_the_list(browser, florin):
    here, there = Page(browser, florin.url), Page(browser, florin.url, DESK)
    here.log_in("brian_s")
    here.open_security()
    # Those of before are over; so is the one that made this person.
    rows = here.dialog.get_by_role("list", name="Where you are logged in").get_by_role("listitem")
    others = here.dialog.get_by_role("button", name=re.compile("^End "))
    while others.count() > 0:
        before = rows.count()
        others.last.click()
        expect(rows).not_to_have_count(before)
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("This one")
    rows.first.get_by_role("button", name=re.compile("^Rename")).click()
    here.page.get_by_label("Name", exact=True).fill("Kitchen")
    here.press("Save")
    expect(rows.first).to_contain_text("Kitchen")
    here.page.keyboard.press("Escape")

    there.log_in("brian_s")
    here.open_security()
    expect(rows).to_have_count(2)
    here.dialog.get_by_role("button", name=re.compile("^End ")).click()
    expect(rows).to_have_count(1)
    # Its live stream is hung up, so it notices without being touched.
    there.is_out()
    expect(there.page.get_by_text("Your session has ended")).to_be_visible()
    here.had_no_faults()
    there.had_no_faults()


def a_tab_never_acts_for_somebody_else(browser, florin):
    first = Page(browser, florin.url, DESK)
    first.log_in("asha_s")
    # The same browser, another tab: this person's session takes the cookie's place.
    second = Page(browser, florin.url, context=first.context)
    second.is_in("asha_s")
    second.press("Log out")
    second.log_in("brian_s")
    # The first tab still shows Asha; whatever is done on it shows Brian first.
    first.press("Security")
    first.is_in("brian_s")
    assert first.faults == [] and second.faults == []
    first.context.close()


def a_large_payment_asks_for_the_pin(browser, florin):
    token = florin.sign_up("wanjiru_p")["access_token"]
    florin.expect(201, "POST", "/v1/wallets", {"currency": "KES"}, token)
    florin.expect(
        201, "POST", "/sandbox/topups", {"amount": 700_000, "currency": "KES"}, token,
        headers={"Idempotency-Key": "for-rent"})
    one = Page(browser, florin.url)
    one.log_in("wanjiru_p")
    pay(one, "6,000")
    expect(one.dialog.get_by_role("alert")).to_contain_text("Set one under Security")
    one.page.keyboard.press("Escape")
    one.open_security()
    one.press("Set a PIN")
    pin = one.page.get_by_label("New PIN")
    pin.fill("123456")
    one.page.get_by_label("Password", exact=True).fill(PASSWORD)
    one.press("Set the PIN")
    expect(pin).to_have_attribute("aria-invalid", "true")
    pin.fill(PIN)
    one.press("Set the PIN")
    expect(one.dialog.get_by_role("button", name="Change the PIN")).to_be_visible()
    one.page.keyboard.press("Escape")

    pay(one, "6,000")
    asked = one.page.get_by_role("dialog", name="Is it you?")
    expect(asked.get_by_text("Nothing has been sent yet")).to_be_visible()
    typed = asked.get_by_label("PIN", exact=True)
    typed.fill("602841")
    one.page.keyboard.press("Enter")
    expect(typed).to_have_accessible_description(re.compile("The PIN is wrong"))
    typed.fill(PIN)
    one.page.keyboard.press("Enter")
    expect(one.dialog.get_by_role("heading", name="Sent")).to_be_visible()
    one.press("Done")
    one.had_no_faults()


def pay(one, amount):
    one.press("Send")
    one.page.get_by_label("To", exact=True).fill("brian_s")
    one.page.get_by_label("Amount in KES").fill(amount)
    one.press("Continue")
    one.dialog.get_by_role("button", name="Send KES").click()


def a_new_password_is_judged_while_it_is_typed(browser, florin):
    one = Page(browser, florin.url)
    one.press("Create a wallet")
    phone = f"+{next(phone_numbers)}"
    one.page.get_by_label("Phone").fill(phone)
    one.page.get_by_label("Username").fill("wanjiru_s")
    password = one.page.get_by_label("Password", exact=True)
    meter = one.page.locator(".strength")
    expect(meter).to_be_hidden()
    for text, words in [
        ("short", "At least 8 characters"), ("password1", "Too easy to guess"),
        ("P4ssw0rd!", "Too easy to guess"), ("qwertyuiop12", "Too easy to guess"),
        ("wanjiru_s 1990", "Too easy to guess"), ("aaaaaaaaaaaa", "Too easy to guess"),
        ("green kettles sing", "Fair"), (PASSWORD, "Good"),
        ("nine green kettles sing to my uncle", "Strong"),
    ]:
        password.fill(text)
        expect(meter).to_contain_text(words)
    # It can be read before it is sent.
    one.press("Show password")
    expect(password).to_have_attribute("type", "text")
    expect(password).to_have_value("nine green kettles sing to my uncle")
    one.press("Hide password")
    expect(password).to_have_attribute("type", "password")
    # The server has the last word, and its reason is shown. What it refused stays refused.
    password.fill("letmein123456")
    one.press("Create wallet")
    expect(password).to_have_accessible_description(re.compile("too easy to guess"))
    expect(meter).to_contain_text("Too easy to guess")
    password.fill(phone[1:])
    one.press("Create wallet")
    expect(password).to_have_accessible_description(re.compile("too (much like|easy)"))

    # The same where a password is changed.
    one.page.goto(florin.url)
    one.log_in("asha_s")
    one.open_security()
    one.press("Change the password")
    old = one.page.get_by_label("Password until now", exact=True)
    new = one.page.get_by_label("New password", exact=True)
    old.fill("not it")
    new.fill("asha_s asha_s")
    expect(one.dialog.locator(".strength")).to_contain_text("Too easy to guess")
    one.dialog.get_by_role("button", name="Change the password").click()
    expect(old).to_have_accessible_description("The password is wrong.")
    old.fill(PASSWORD)
    new.fill("nine green kettles sing")
    one.dialog.get_by_role("button", name="Change the password").click()
    expect(one.dialog.get_by_role("switch", name="Strict mode")).to_be_visible()
    one.page.keyboard.press("Escape")
    one.press("Log out")
    one.log_in("asha_s", password="nine green kettles sing")
    one.had_no_faults()


def a_real_server_sets_secure_cookies(browser):
    """Without TLS a browser takes a secure cookie from this machine only; Chromium does."""
    with running_florin(FLORIN_SANDBOX="0", FLORIN_NEW_DEVICE_CODE="off") as florin:
        people = pathlib.Path(florin.data).parent / "people.csv"
        people.write_text(f"username,phone,password_hash\nasha_r,+{next(phone_numbers)},{IMPORTED_HASH}\n")
        florin.command("import-people", str(people))
        for url in (florin.url, florin.url.replace("127.0.0.1", "localhost")):
            one = Page(browser, url)
            one.log_in("asha_r")
            cookies = {cookie["name"]: cookie for cookie in one.context.cookies()}
            assert set(cookies) == {"__Host-florin_session", "__Host-florin_csrf"}, cookies
            assert all(cookie["secure"] for cookie in cookies.values()), cookies
            assert cookies["__Host-florin_session"]["httpOnly"]
            one.page.reload()
            one.is_in("asha_r")
            one.press("Log out")
            one.is_out()
            assert one.context.cookies() == []
            one.had_no_faults()


main()
