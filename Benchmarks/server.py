"""The program under load: one installation of its own, and the servers that run on it."""

import contextlib
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request

from figures import Fault

ROOT = pathlib.Path(__file__).resolve().parents[1]
os.environ.setdefault("FLORIN_BINARY", str(ROOT / ".build/release/florin"))
sys.path.insert(0, str(ROOT / "Tests/support"))
from running_florin import BINARY, GENEROUS_LIMITS, Florin, Output, free_port, stop

# As long as the server allows: nobody logs in again during a run.
SESSION_SECONDS = 6 * 3600
CURRENCY = "KES"
BALANCE = 1_000_000
# Nobody pays as fast as wrk. Limits are asked about with each payment all the same.
UNLIMITED = {
    "FLORIN_LIMIT_TRANSFER": "250000", "FLORIN_LIMIT_DAY": "1000000",
    "FLORIN_LIMIT_MONTH": "10000000",
    "FLORIN_LIMITS": "*.* hour_count=1000000000,day_count=1000000000,balance=100000000000",
}


class Installation:
    """A data folder with a private PostgreSQL, in a sandbox, gone when the block ends."""

    def __enter__(self):
        self.folder = tempfile.mkdtemp(prefix="florin-bench-")
        # Started by root, database and nginx run as other users, who must reach what is theirs.
        os.chmod(self.folder, 0o711)
        self.environment = {
            **{name: value for name, value in os.environ.items() if name != "DATABASE_URL"},
            "FLORIN_DATA": os.path.join(self.folder, "data"), "FLORIN_SANDBOX": "1",
            "FLORIN_LOG_LEVEL": "warning", "FLORIN_SESSION_SECONDS": str(SESSION_SECONDS),
            "FLORIN_WEB": str(ROOT / "web"), **GENEROUS_LIMITS, **UNLIMITED,
        }
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.folder, ignore_errors=True)

    def path(self, name):
        return os.path.join(self.folder, name)

    def command(self, *words):
        """Runs `florin …` and returns what it printed; anything but success is a fault."""
        result = subprocess.run(
            [BINARY, *words], env=self.environment, capture_output=True, text=True)
        if result.returncode != 0:
            raise Fault(f"florin {' '.join(words)} exited {result.returncode}:\n"
                        f"{result.stdout}{result.stderr}")
        return result.stdout

    def serve(self):
        return Server(self)

    @contextlib.contextmanager
    def serving(self):
        server = self.serve()
        try:
            yield server
            server.stop()
        finally:
            server.end()

    def seed(self, people):
        """People with money and sessions: the file of lines `username access_token`."""
        tokens = self.path("tokens")
        self.command(
            "seed", "--people", str(people), "--balance", str(BALANCE), "--currency", CURRENCY,
            "--tokens", tokens)
        return tokens


class Server:
    """One process of `florin serve`, ready for requests."""

    def __init__(self, installation):
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        began = time.monotonic()
        self.process = subprocess.Popen(
            [BINARY, "serve"], env={**installation.environment, "PORT": str(port)},
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
        self.output = Output(self.process)
        try:
            self.output.wait_until_ready()
            urllib.request.urlopen(self.url + "/health/ready", timeout=10).close()
        except BaseException:
            self.process.kill()
            print(self.output.text(), file=sys.stderr)
            raise
        self.seconds_to_ready = time.monotonic() - began

    def stop(self):
        """Ends it in order; one that has ended by itself is a fault."""
        if self.process.poll() is not None:
            raise Fault(f"florin ended by itself:\n{self.output.text()}")
        stop(self.process)

    def end(self):
        """Leaves nothing running, whatever happened before."""
        if self.process.poll() is None:
            stop(self.process)

    def stand_still(self, seconds):
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    @property
    def resident_megabytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            line = next(line for line in status if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024 / 1e6
