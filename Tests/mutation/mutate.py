#!/usr/bin/env python3
"""Mutation testing of the rules of the ledger and of offline payments.

Applies the faults of a list one at a time to a copy of this checkout, builds it, and runs the tests
of what the fault is in, quick ones first. A fault that no test notices survives: the tests lack
something, or the file must say why nobody can tell the difference. A fault that does not compile,
or whose text is not found exactly once, is an error: the list keeps up with the code.

    mutate.py            every mutant of the ledger; ends with 1 if one survives unexplained
    mutate.py offline    those of offline payments
    mutate.py --check    only whether each mutant of all lists still applies, which takes no time
    mutate.py --only X   mutants whose name or file contains X
"""
import argparse
import dataclasses
import os
import re
import subprocess
import sys
import time
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# A build or a stage that takes longer hangs, which is a way of being noticed as well.
BUILD_SECONDS_MAX = 1200
STAGE_SECONDS_MAX = 300

# The filter of each stage and what its environment says. A disagreement ends the simulation at once,
# so it comes first. Below ten thousand commands it does not ask for variety, which is chance.
SIMULATION = r"LedgerTests\.SimulationTests/agreesWithTheReference"
LEDGER_STAGES = [
    (
        "rules and a short simulation",
        r"LedgerTests\.RulesTests|" + SIMULATION,
        {"FLORIN_SIMULATION_OPERATIONS": "6000", "FLORIN_SIMULATION_SEED": "1"},
    ),
    ("tables", r"LedgerTests\.TableTests", {}),
    (
        "audit and writers",
        r"LedgerTests\.(AuditTests|WriterTests|TurnTests|ReadingTests|HostileCommandTests)",
        {},
    ),
    ("histories", r"LedgerTests\.ConcurrentHistoryTests", {}),
    (
        "a longer simulation",
        SIMULATION,
        {"FLORIN_SIMULATION_OPERATIONS": "60000", "FLORIN_SIMULATION_SEED": "2"},
    ),
]


VILLAGES = r"OfflineTests\.SimulationTests"
OFFLINE_STAGES = [
    (
        "a few villages", VILLAGES,
        {"FLORIN_OFFLINE_PAYMENTS": "6000", "FLORIN_OFFLINE_FIRST": "1001"},
    ),
    ("rules", r"OfflineProtocolTests\.|OfflineTests\.RulesTests", {}),
    (
        "more villages", VILLAGES,
        {"FLORIN_OFFLINE_PAYMENTS": "40000", "FLORIN_OFFLINE_FIRST": "2000"},
    ),
]


@dataclasses.dataclass
class Suite:
    """A list of faults, where their files are, and the tests that are to notice them."""

    data: str
    folder: Path
    targets: list
    stages: list

    @property
    def path(self):
        return Path(__file__).with_name(self.data)


SUITES = {
    "ledger": Suite("mutants.toml", Path("Sources/Ledger"), ["LedgerTests"], LEDGER_STAGES),
    "offline": Suite(
        "offline.toml", Path("Sources"), ["OfflineProtocolTests", "OfflineTests"], OFFLINE_STAGES),
}


class Unusable(Exception):
    """What keeps a mutant, or all of them, from being tried."""


def read_mutants(suite):
    with suite.path.open("rb") as file:
        mutants = tomllib.load(file)["mutant"]
    known = {"name", "file", "find", "replace", "equivalent"}
    names = set()
    for mutant in mutants:
        if set(mutant) - known or not known - {"equivalent"} <= set(mutant):
            raise Unusable(f"{mutant.get('name', mutant)}: name, file, find, replace, equivalent?")
        if mutant["name"] in names:
            raise Unusable(f"two mutants are named “{mutant['name']}”")
        names.add(mutant["name"])
    return mutants


def mutated(suite, mutant, root):
    """The text of the mutant's file with its fault."""
    path = root / suite.folder / mutant["file"]
    if not path.exists():
        raise Unusable(f"{mutant['name']}: there is no {mutant['file']}")
    text = path.read_text()
    count = text.count(mutant["find"])
    if count != 1:
        raise Unusable(f"{mutant['name']}: its text is {count} times in {mutant['file']}")
    return text.replace(mutant["find"], mutant["replace"])


def check(suite, mutants):
    problems = []
    for mutant in mutants:
        try:
            mutated(suite, mutant, ROOT)
        except Unusable as problem:
            problems.append(str(problem))
    for problem in problems:
        print(problem)
    return not problems


class Scratch:
    """A copy of the checkout with a suite's tests alone, in which one mutant at a time lives."""

    def __init__(self, suite, folder):
        self.suite = suite
        self.folder = folder
        listed = subprocess.run(
            ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT, check=True, capture_output=True, text=True,
        ).stdout.splitlines()
        wanted = [name for name in listed if name.startswith(("Sources/", "Tests/", "docs/"))]
        self.remove_all_but(set(wanted))
        for name in wanted:
            self.put(name, (ROOT / name).read_bytes())
        self.put("Package.swift", self.package().encode())

    def package(self):
        """The targets that the tests need; others would be built again for each mutant."""
        text = (ROOT / "Package.swift").read_text()
        entry = re.compile(
            r"\n        (?:library|tests|\.target|\.testTarget|\.executableTarget)\(\s*(?:name: )?\"(\w+)\""
            r"(.*?)\),(?=\n)", re.S)
        needs = {match[1]: set(re.findall(r'"(\w+)"', match[2])) for match in entry.finditer(text)}
        wanted, waiting = set(), list(self.suite.targets)
        while waiting:
            name = waiting.pop()
            if name not in wanted:
                wanted.add(name)
                waiting += needs.get(name, ())
        text = entry.sub(lambda match: match[0] if match[1] in wanted else "", text)
        return re.sub(r"\n    products: \[.*?\n    \],", "", text, flags=re.S)

    def remove_all_but(self, wanted):
        for top in ("Sources", "Tests", "docs"):
            for path in (self.folder / top).rglob("*"):
                if path.is_file() and str(path.relative_to(self.folder)) not in wanted:
                    path.unlink()

    def put(self, name, content):
        """Leaves a file that is as it should be alone, so that it is not compiled again."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_bytes() != content:
            path.write_bytes(content)

    def run(self, arguments, seconds, environment=None):
        """The exit status and what was said; no status when it took too long."""
        try:
            done = subprocess.run(
                arguments, cwd=self.folder, timeout=seconds, text=True, errors="replace",
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                env={**os.environ, "SWIFT_BACKTRACE": "enable=no", **(environment or {})},
            )
        except subprocess.TimeoutExpired:
            return None, ""
        return done.returncode, done.stdout

    def build(self):
        status, said = self.run(
            ["swift", "build", "--build-tests"], BUILD_SECONDS_MAX)
        if status != 0:
            errors = [line for line in said.splitlines() if "error:" in line]
            raise Unusable("does not compile: " + "; ".join(errors[:3] or said.splitlines()[-3:]))

    def noticed_by(self):
        """The first stage that fails, if one does, and the first complaint in it."""
        for name, selection, environment in self.suite.stages:
            status, said = self.run(
                ["timeout", "--kill-after=10", str(STAGE_SECONDS_MAX), "swift", "test",
                 "--skip-build", "--disable-xctest", "--filter", selection],
                STAGE_SECONDS_MAX + 20, environment)
            if status != 0:
                return f"{name}: {self.complaint(status, said)}"
        return None

    @staticmethod
    def complaint(status, said):
        for line in said.splitlines():
            if "recorded an issue" in line or "Fatal error" in line:
                return line[line.find("Test ") + 5:][:120] if "Test " in line else line[:120]
        return f"ended with {status}"


def try_mutant(scratch, mutant):
    """What became of it, and by what."""
    path = scratch.suite.folder / mutant["file"]
    original = (ROOT / path).read_bytes()
    try:
        scratch.put(path, mutated(scratch.suite, mutant, ROOT).encode())
        scratch.build()
        stage = scratch.noticed_by()
    except Unusable as problem:
        return "unusable", str(problem)
    finally:
        scratch.put(path, original)
    if stage:
        wrongly = "equivalent" in mutant
        return ("noticed" if wrongly else "killed"), stage
    return ("equivalent", mutant["equivalent"]) if "equivalent" in mutant else ("survived", "")


def run(suite, mutants, folder):
    folder.mkdir(parents=True, exist_ok=True)
    scratch = Scratch(suite, folder)
    print("building the copy and running its tests without a fault …", flush=True)
    scratch.build()
    if stage := scratch.noticed_by():
        raise Unusable(f"the tests fail without any fault: {stage}")
    counts = {}
    for number, mutant in enumerate(mutants, 1):
        began = time.monotonic()
        fate, by = try_mutant(scratch, mutant)
        counts[fate] = counts.get(fate, 0) + 1
        print(
            f"{number:3}/{len(mutants)} {fate:10} {mutant['file']}: {mutant['name']}"
            f"  [{by}] {time.monotonic() - began:.0f} s", flush=True)
    print(", ".join(f"{count} {fate}" for fate, count in sorted(counts.items())))
    return not counts.keys() - {"killed", "equivalent"}


def main():
    parser = argparse.ArgumentParser(description="Mutation testing of rules about money.")
    parser.add_argument("suite", nargs="?", choices=SUITES, default="ledger")
    parser.add_argument("--check", action="store_true", help="only whether each mutant applies")
    parser.add_argument(
        "--only", action="append", metavar="X", help="part of a name or file; may be repeated")
    parser.add_argument("--scratch", type=Path, help="where the copy lives")
    options = parser.parse_args()
    try:
        if options.check:
            return 0 if all([applies(name, options.only) for name in SUITES]) else 1
        if not applies(options.suite, options.only):
            return 1
        suite = SUITES[options.suite]
        folder = options.scratch or ROOT / ".build" / ("mutation-" + options.suite)
        return 0 if run(suite, chosen(suite, options.only), folder.resolve()) else 1
    except Unusable as problem:
        print(problem, file=sys.stderr)
        return 1


def chosen(suite, only):
    return [
        mutant for mutant in read_mutants(suite)
        if any(x in mutant["name"] or x in mutant["file"] for x in only or [""])
    ]


def applies(name, only):
    mutants = chosen(SUITES[name], only)
    does = check(SUITES[name], mutants)
    print(f"{name}: {len(mutants)} mutants" + (" apply" if does else ", not all of them apply"))
    return does


if __name__ == "__main__":
    sys.exit(main())
