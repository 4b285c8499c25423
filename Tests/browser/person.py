"""One person with a browser of their own: what every test of the page asks of them."""

import pathlib
import re
import sys

from playwright.sync_api import expect

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from running_florin import PASSWORD, phone_numbers

CHROMIUM = "/usr/bin/chromium"
PHONE = {"width": 360, "height": 740}
DESKTOP = {"width": 1280, "height": 800}


class Person:
    def __init__(self, browser, florin, username, size):
        self.florin = florin
        self.username = username
        self.phone = f"+{next(phone_numbers)}"
        self.page = browser.new_context(viewport=size, locale="en-GB").new_page()
        self.faults = []
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("console", self.hear)
        self.page.goto(florin.url)

    def hear(self, message):
        # What is refused or fails to load is logged by the browser itself; several steps provoke it.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(message.text)

    @property
    def dialog(self):
        return self.page.get_by_role("dialog")

    def press(self, name, within=None):
        (within or self.page).get_by_role("button", name=name, exact=True).click()

    def fill(self, label, text):
        self.page.get_by_label(label, exact=True).fill(text)

    def fits(self, where="the page"):
        width = self.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert width <= 0, f"{where} is {width} pixels too wide"

    def gets_a_wallet(self):
        """From the entrance's form to the first wallet, with the code that the sandbox shows."""
        self.fill("Phone", self.phone)
        self.fill("Username", self.username)
        self.fill("Password", PASSWORD)
        self.press("Create wallet")
        self.press("Read your code")
        expect(self.page.get_by_label("Six-digit code")).to_have_value(re.compile(r"^\d{6}$"))
        self.press("Verify")
        self.press("KES")

    def tops_up(self, amount):
        self.press("Top up")
        self.fill("Amount in KES", amount)
        self.press("Top up", within=self.dialog)
        expect(self.dialog).to_have_count(0)
