"""What the journal must hold after a load: all that was answered, and nothing that was not sent."""

from database import ask
from figures import Fault


class Books:
    def __init__(self, installation, conninfo):
        self.installation = installation
        self.conninfo = conninfo
        self.answered = 0
        self.sent = 0
        self.before = self.lines()

    def lines(self):
        return int(ask(self.conninfo, "SELECT last_transfer FROM ledger.head"))

    def expect(self, answered, sent):
        """Takes note of a run, and finds at once what was answered and not written."""
        self.answered += answered
        self.sent += sent
        written = self.lines() - self.before
        if written < self.answered:
            raise Fault(f"{self.answered} transfers were answered and {written} written")

    def audit(self):
        """Replays the journal. A server that is still at work does not disturb."""
        said = self.installation.command("audit")
        written = self.lines() - self.before
        if not self.answered <= written <= self.sent:
            raise Fault(f"{written} transfers are in the journal; {self.answered} were answered "
                        f"and {self.sent} sent")
        return said.strip().splitlines()[-1] + f" ({self.before + written:,} transfers)"
