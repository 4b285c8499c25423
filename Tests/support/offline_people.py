"""People with terminal wallets of their own, as `florin wallet` keeps them, who pay each other offline."""

import fcntl
import json
import os
import pathlib
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time
import urllib.request
import zlib

from running_florin import BINARY, PASSWORD, phone_numbers

OFFLINE_PIN = "sunlight7"
WAIT_SECONDS_MAX = 90
# Of a module in a picture of a terminal.
PIXELS = 4


class Refused(Exception):
    """What the program said no with: the problem it wrote."""

    def __init__(self, code, problem):
        super().__init__(f"exit {code}: {problem}")
        self.exit_code, self.problem = code, problem

    @property
    def code(self):
        return self.problem.get("code")


class Killed(Exception):
    """The program was ended in the middle; what it had said by then."""

    def __init__(self, output):
        super().__init__(output)
        self.output = output


class Terminal:
    """A person's terminal: a folder in which the log-in and the offline wallets lie."""

    def __init__(self, url, name, folder):
        self.url, self.name, self.folder = url, name, pathlib.Path(folder)

    @classmethod
    def sign_up(cls, florin, name, folder):
        terminal = cls(florin.url, name, folder)
        terminal.folder.mkdir(mode=0o700)
        phone = f"+{next(phone_numbers)}"
        terminal.wallet("sign-up", name, phone)
        terminal.wallet("verify", phone, florin.code_for(phone))
        terminal.wallet("log-in", name)
        return terminal

    def copy(self, folder):
        """The same terminal in another place: what a backup is, and a clone."""
        shutil.copytree(self.folder, folder)
        return Terminal(self.url, self.name, folder)

    def environment(self, **more):
        return {
            "PATH": os.environ["PATH"], "FLORIN_SERVER": self.url,
            "FLORIN_WALLET": str(self.folder / "wallet.json"), "FLORIN_PASSWORD": PASSWORD,
            "FLORIN_OFFLINE_PIN": OFFLINE_PIN, **more,
        }

    def run(self, *words, **more):
        return subprocess.run(
            [BINARY, "wallet", *words], env=self.environment(**more), capture_output=True, text=True)

    def wallet(self, *words, **more):
        """The answer as a program gets it."""
        done = self.run(*words, "--json", **more)
        if done.returncode < 0:
            raise Killed(done.stdout)
        if done.returncode != 0:
            raise Refused(done.returncode, json.loads(done.stderr.splitlines()[-1]))
        return json.loads(done.stdout) if done.stdout.strip() else {}

    def offline(self, *words, **more):
        return self.wallet("offline", *words, **more)

    def wallet_ids(self):
        """Of the wallets that the server has of this person and that live."""
        logged_in = json.loads((self.folder / "wallet.json").read_text())
        request = urllib.request.Request(
            self.url + "/v1/offline/wallets",
            headers={"Authorization": "Bearer " + logged_in["access_token"]})
        with urllib.request.urlopen(request, timeout=30) as response:
            found = json.loads(response.read())["data"]
        return [each["wallet"] for each in found if each["status"] == "live"]

    def wait_until(self, holds):
        """Until what the server does by itself is done."""
        end = time.monotonic() + WAIT_SECONDS_MAX
        while not holds():
            assert time.monotonic() < end, "it did not happen"

    def online(self):
        """Minor units in the wallet online."""
        return self.wallet("balance")["data"][0]["available"]


    def at_a_terminal(self, *words):
        """The program as a person runs it, who is asked for what the environment does not say."""
        environment = self.environment(TERM="xterm-256color")
        del environment["FLORIN_OFFLINE_PIN"]
        return Conversation([str(BINARY), "wallet", *words], environment)

    def scan(self, said, place):
        """What a camera reads from a terminal on which this was said."""
        lines = re.findall("\x1b\\[38;5;16;48;5;231m([ █▀▄]+)\x1b\\[0m", said)
        rows = []
        for line in lines:
            for inks in ("█▀", "█▄"):
                rows.append(b"".join((b"\0" if each in inks else b"\xff") * PIXELS for each in line))
        width, height = len(rows[0]), len(rows) * PIXELS
        pixels = b"".join((b"\0" + row) * PIXELS for row in rows)
        place.write_bytes(png(width, height, pixels))
        done = subprocess.run([BINARY, "qr", "--read", place], capture_output=True, text=True)
        assert done.returncode == 0, (done, len(lines))
        return done.stdout.removesuffix("\n")


class Conversation:
    """A program on a terminal of eighty columns."""

    def __init__(self, command, environment):
        self.said, self.pending = "", b""
        self.child, self.terminal = pty.fork()
        if self.child == 0:
            os.execve(command[0], command, environment)
        fcntl.ioctl(self.terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))

    def wait_for(self, words):
        while words not in self.said:
            assert self.read(), f"it ended and never said {words!r}:\n{self.said}"

    def type(self, text):
        os.write(self.terminal, text.encode())

    def until_it_ends(self):
        while self.read():
            pass
        os.waitpid(self.child, 0)
        os.close(self.terminal)
        return self.said

    def read(self):
        ready, _, _ = select.select([self.terminal], [], [], WAIT_SECONDS_MAX)
        assert ready, f"it says nothing more:\n{self.said}"
        try:
            self.pending = self.pending + os.read(self.terminal, 65536)
        except OSError:
            # The other end of a terminal whose program is gone.
            return False
        # A character may have come in part.
        text = self.pending.decode(errors="ignore")
        self.pending = self.pending[len(text.encode()):]
        self.said += text.replace("\r\n", "\n")
        return True


def png(width, height, rows):
    """Grey, from rows that each begin with a zero, the filter of the format."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows))
            + chunk(b"IEND", b""))


def hop(payer, payee, amount):
    """A whole payment between two terminals: what it was, and how long each leg took."""
    began = time.monotonic()
    request = payee.offline("request", amount)
    asked = time.monotonic()
    payment = payer.offline("pay", request["text"], "--yes")
    paid = time.monotonic()
    taken = payee.offline("accept", payment["text"])
    done = time.monotonic()
    assert taken["code"] == payment["code"]
    return payment, taken, (asked - began, paid - asked, done - paid)
