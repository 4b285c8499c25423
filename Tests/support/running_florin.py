"""Starts the real program on a fresh data folder, for checks that look at it from outside."""

import collections
import contextlib
import itertools
import json
import os
import pathlib
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
# All come from one address here. The check stays on, and troubles nobody.
GENEROUS_LIMITS = {
    "FLORIN_RATE_LIMITS": "address=1000000/1,account=1000000/1,key=1000000/1",
    "FLORIN_CODE_LIMITS": "phone=1000000/1,address=1000000/1,prefix=1000000/1,country=1000000/1",
    "FLORIN_CODE_GUARD": "sent=1000000",
}
BINARY = pathlib.Path(os.environ.get("FLORIN_BINARY", ROOT / ".build/debug/florin")).resolve()

READY_SECONDS_MAX = 120
STOP_SECONDS_MAX = 30
LINES_KEPT = 200

PASSWORD = "a quiet river in June"
PIN = "739104"
phone_numbers = itertools.count(254_700_000_000 + secrets.randbelow(90_000_000))


class Florin:
    """One running server. Requests answer with the status and the decoded body."""

    def __init__(self, url, data, environment):
        self.url = url
        self.data = data
        self.environment = environment
        self.devices = {}

    def call(self, method, path, body=None, token=None, headers=None):
        headers = {"Accept": "application/json", **(headers or {})}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body).encode()
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        request = urllib.request.Request(self.url + path, body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=30) as response:
                return response.status, json.loads(response.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def expect(self, status, method, path, body=None, token=None, headers=None):
        answered, fields = self.call(method, path, body, token, headers)
        assert answered == status, f"{method} {path}: {answered} instead of {status}: {fields}"
        return fields

    def code_for(self, phone):
        messages = self.expect(200, "GET", f"/sandbox/messages?to=%2B{phone[1:]}")["data"]
        bodies = " ".join(message["body"] for message in messages)
        digits = "".join(c if c.isdigit() else " " for c in bodies).split()
        return next(word for word in digits if len(word) == 6)

    def sign_up(self, username):
        """A verified person who is logged in: the answer to the log-in."""
        phone = f"+{next(phone_numbers)}"
        person = {"phone": phone, "username": username, "password": PASSWORD}
        self.expect(201, "POST", "/v1/users", person)
        code = self.code_for(phone)
        proven = self.expect(
            201, "POST", "/v1/phone_verifications", {"phone": phone, "code": code})
        self.devices[username] = proven["device"]
        return self.log_in(username)

    def log_in(self, username):
        """From the device on which the person proved the number."""
        return self.expect(
            201, "POST", "/v1/sessions",
            {"login": username, "password": PASSWORD, "device": self.devices[username]})

    def set_pin(self, token):
        self.expect(204, "PUT", "/v1/me/pin", {"pin": PIN, "password": PASSWORD}, token)

    def step_up(self, token, **proof):
        """Shows that it is the owner, with the PIN when nothing else is given."""
        return self.expect(
            201, "POST", "/v1/sessions/current/step_ups", proof or {"pin": PIN}, token)

    def command(self, *arguments):
        """Runs `florin …` on the same data folder and returns what it printed."""
        result = subprocess.run(
            [BINARY, *arguments], env=self.environment, capture_output=True, text=True)
        assert result.returncode == 0, (
            f"florin {' '.join(arguments)} exited {result.returncode}:\n"
            f"{result.stdout}{result.stderr}")
        return result.stdout


@contextlib.contextmanager
def running_florin(**settings):
    """A server in a sandbox on a port of its own, stopped and removed when the block ends."""
    folder = tempfile.mkdtemp(prefix="florin-")
    # Started by root, the database runs as another user, who must be able to reach its folder.
    os.chmod(folder, 0o711)
    data = os.path.join(folder, "data")
    port = settings.get("PORT") or free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
        "PORT": str(port), "FLORIN_DATA": data, "FLORIN_SANDBOX": "1",
        "FLORIN_WEB": str(ROOT / "web"), **GENEROUS_LIMITS, **settings,
    }
    process = subprocess.Popen(
        [BINARY, "serve"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, start_new_session=True)
    output = Output(process)
    try:
        output.wait_until_ready()
        yield Florin(f"http://127.0.0.1:{port}", data, environment)
        assert process.poll() is None, f"florin ended by itself:\n{output.text()}"
    except BaseException:
        print(output.text())
        raise
    finally:
        stop(process)
        shutil.rmtree(folder, ignore_errors=True)


class Output:
    """Reads what the program says, so that its pipe never fills, and notices when it is ready."""

    def __init__(self, process):
        self.lines = collections.deque(maxlen=LINES_KEPT)
        self.ready = False
        self.said = threading.Event()
        threading.Thread(target=self.read, args=[process.stdout], daemon=True).start()

    def read(self, stream):
        for line in stream:
            self.lines.append(line)
            if line.startswith("ready "):
                self.ready = True
                self.said.set()
        self.said.set()

    def wait_until_ready(self):
        self.said.wait(READY_SECONDS_MAX)
        assert self.ready, "florin did not say that it is ready"

    def text(self):
        return "".join(self.lines)


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOP_SECONDS_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
