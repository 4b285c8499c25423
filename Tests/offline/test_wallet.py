"""The terminal's offline wallet at every moment at which it can be ended, and before everybody who would cheat,
copy or disturb it. The program is the real one; a library under it ends it at its n-th step towards a file."""

import concurrent.futures
import itertools
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from offline_people import OFFLINE_PIN, Killed, Refused, Terminal, hop
from running_florin import BINARY, running_florin

SUPPORT = pathlib.Path(__file__).resolve().parents[1] / "support"
# No command takes more steps towards files; a test that runs away ends here.
STEPS_MAX = 200
AMOUNT = 25_00


def main():
    with running_florin() as florin, tempfile.TemporaryDirectory() as folder:
        world = World(florin, pathlib.Path(folder))
        enrolments_survive_their_end(world)
        top_ups_survive_their_end(world)
        payer, payee = world.pair()
        florin.stop()
        payments_survive_their_end(world, payer, payee)
        receipts_survive_their_end(world, payer, payee)
        two_processes_sign_one_after_the_other(world, payer, payee)
        codes_go_by_picture(world, payer, payee)
        a_person_is_asked_and_shown(world, payer, payee)
        what_is_wrong_is_named(world, payer, payee)
        copies_are_caught(world, payer, payee)
        files_are_private_and_damage_is_told(world, payer)
        florin.start()
        deposits_survive_their_end(world)
        nobody_took_it(world)
        who_lost_the_pin_begins_anew(world)
        florin.command("audit")
    print("offline wallet: whole after every end, and nothing is paid twice")


class World:
    def __init__(self, florin, folder):
        self.florin, self.folder = florin, folder
        self.numbers = itertools.count(1)
        self.library = folder / "killed_at.so"
        subprocess.run(
            [compiler(), "-shared", "-fPIC", "-O1", "-o", self.library, SUPPORT / "killed_at.c"], check=True)

    def place(self):
        return self.folder / f"place-{next(self.numbers)}"

    def person(self, name, locked=None):
        person = Terminal.sign_up(self.florin, name, self.place())
        person.wallet("topup", "2000")
        person.offline("enrol")
        if locked:
            person.offline("top-up", locked)
        return person

    def pair(self):
        number = next(self.numbers)
        return self.person(f"payer{number}", "500"), self.person(f"payee{number}")

    def ended_at(self, step, person, *words):
        """What it said before it was ended at that step; None when it took fewer steps."""
        try:
            person.offline(*words, LD_PRELOAD=str(self.library), KILL_AT=str(step))
        except Killed as killed:
            return killed.output
        return None

    def every_end(self, terminals, act):
        """Calls `act` with fresh copies of the terminals for each step, until there are no more steps."""
        for step in range(1, STEPS_MAX):
            copies = [terminal.copy(self.place()) for terminal in terminals]
            is_over = act(step, *copies)
            for copy in copies:
                shutil.rmtree(copy.folder)
            if is_over:
                assert step > 3, f"ended at {step} steps only: is the library loaded?"
                return step - 1
        raise AssertionError("a command without an end")


def compiler():
    return next(
        found for found in map(shutil.which, ("cc", "clang", "gcc", "/opt/swift/usr/bin/clang")) if found)


# MARK: Ends


def enrolments_survive_their_end(world):
    person = Terminal.sign_up(world.florin, "late_enroller", world.place())
    person.wallet("topup", "100")
    steps = 0
    for step in range(1, STEPS_MAX):
        said = world.ended_at(step, person, "enrol")
        if said is None:
            break
        steps += 1
        # Perhaps the key was stored, perhaps the server has it: then the same key is certified.
        wallets = person.wallet_ids()
        try:
            person.offline("enrol")
        except Refused as refused:
            # It was done, and only the answer was not written.
            assert "already" in str(refused), refused
        assert set(wallets) <= set(person.wallet_ids()) and len(person.wallet_ids()) <= len(wallets) + 1
        state = person.offline("list")
        assert state["wallet"] in person.wallet_ids(), state
        # Five at once are as many as a person may have.
        person.offline("lost", state["wallet"], "--yes")
        shutil.rmtree(person.folder / "offline")
    print(f"enrolling: ended at each of {steps} steps")


def top_ups_survive_their_end(world):
    person = world.person("locker")
    online, steps = person.online(), 0
    for step in range(1, STEPS_MAX):
        said = world.ended_at(step, person, "top-up", "10")
        if said is None:
            break
        steps += 1
        if not said:
            person.offline("top-up", "10")
        # Whoever is online again begins anew.
        person.offline("sync")
        state = person.offline("list")
        assert state["own"] == 10_00 * step, (step, state)
        assert person.online() == online - 10_00 * step
    print(f"topping up: ended at each of {steps} steps")


def payments_survive_their_end(world, payer, payee):
    request = payee.offline("request", "25", "--memo", "Maize")["text"]
    before = payer.offline("list")

    def act(step, payer, payee):
        said = world.ended_at(step, payer, "pay", request, "--yes")
        if said is None:
            return True
        # What is on the disk can be read, and is one payment or none.
        state = payer.offline("list")
        assert len(state["sent"]) <= 1, state
        payment = payer.offline("pay", request, "--yes")
        after = payer.offline("list")
        assert [each["records"] for each in after["sent"]] == [payment["records"]], after
        assert after["balance"] == before["balance"] - AMOUNT and after["counter"] == 1, after
        if state["sent"]:
            # What was reserved is what was signed: no counter for two bodies.
            assert state["sent"][0]["records"] == payment["records"], (state, payment)
        if said.endswith("\n"):
            assert json.loads(said)["records"] == payment["records"], said
        assert payee.offline("accept", payment["text"])["amount"] == AMOUNT
        return False

    steps = world.every_end([payer, payee], act)
    assert payer.offline("list") == before
    print(f"paying: ended at each of {steps} steps")


def receipts_survive_their_end(world, payer, payee):
    payer, payee = payer.copy(world.place()), payee.copy(world.place())
    request = payee.offline("request", "25")["text"]
    payment = payer.offline("pay", request, "--yes")

    def act(step, payee):
        said = world.ended_at(step, payee, "accept", payment["text"])
        if said is None:
            return True
        received = payee.offline("list")["received"]
        if said:
            # Whoever saw the tick has the money.
            assert [each["record"] for each in received] == payment["records"], (said, received)
        taken = payee.offline("accept", payment["text"])
        assert taken["code"] == payment["code"]
        state = payee.offline("list")
        assert state["balance"] == AMOUNT and len(state["received"]) == 1, state
        assert payee.offline("accept", payment["text"])["code"] == payment["code"]
        return False

    steps = world.every_end([payee], act)
    print(f"accepting: ended at each of {steps} steps")


def deposits_survive_their_end(world):
    payer, payee = world.pair()
    before, paid, steps = payee.online(), 0, 0
    for step in range(1, STEPS_MAX):
        hop(payer, payee, "1")
        paid += 100
        said = world.ended_at(step, payee, "deposit", "--yes")
        steps += said is not None
        payee.offline("deposit", "--yes")
        assert payee.online() == before + paid, (step, payee.online())
        assert payee.offline("list")["balance"] == 0
        # Limits rise with what the server has seen.
        payer.offline("sync")
        if said is None:
            break
    print(f"depositing: ended at each of {steps} steps")


# MARK: Disturbances


def two_processes_sign_one_after_the_other(world, payer, payee):
    payer, payee = payer.copy(world.place()), payee.copy(world.place())
    texts = [payee.offline("request", "10")["text"] for _ in range(6)]
    with concurrent.futures.ThreadPoolExecutor(len(texts)) as pool:
        paid = list(pool.map(lambda text: payer.offline("pay", text, "--yes"), texts))
    state = payer.offline("list")
    assert state["counter"] == len(texts), state
    assert len({record for each in paid for record in each["records"]}) == len(texts)
    with concurrent.futures.ThreadPoolExecutor(len(texts)) as pool:
        list(pool.map(lambda each: payee.offline("accept", each["text"]), paid))
    assert payee.offline("list")["balance"] == 10_00 * len(texts)


def codes_go_by_picture(world, payer, payee):
    payer, payee = payer.copy(world.place()), payee.copy(world.place())
    pictures = world.place()
    pictures.mkdir()
    asked, paid = pictures / "asked.png", pictures / "paid.png"
    payee.offline("request", "any", "--png", asked)
    payment = payer.offline("pay", asked, "--amount", "7.50", "--yes", "--png", paid)
    assert payment["amount"] == 7_50
    taken = payee.offline("accept", paid, "--png", pictures / "receipt.png")
    assert taken["code"] == payment["code"]
    payer.offline("accept", pictures / "receipt.png")
    assert payer.offline("list")["sent"][0]["state"] == "acknowledged"
    # The same in frames, of which one is lost, in any order.
    request = payee.offline("request", "5")["text"]
    payer.offline("pay", request, "--yes", "--frames", "--png", pictures / "frames.png")
    frames = sorted(pictures.glob("frames-*.png"))
    assert len(frames) == 3, frames
    assert payee.offline("accept", *reversed(frames[1:]))["amount"] == 5_00
    # And as lines of the input.
    request = payee.offline("request", "5")["text"]
    payment = payer.offline("pay", request, "--yes")
    done = subprocess.run(
        [BINARY, "wallet", "offline", "accept"], env=payee.environment(), text=True, capture_output=True,
        input="\n".join(payment["frames"][::-1]) + "\n")
    assert done.returncode == 0 and payment["code"] in done.stdout, done


def a_person_is_asked_and_shown(world, payer, payee):
    """In a terminal of the usual width: who and how much, yes, the PIN, which does not show, and a code."""
    payer, payee = payer.copy(world.place()), payee.copy(world.place())
    request = payee.offline("request", "12.50", "--memo", "Maize")["text"]
    person = payer.at_a_terminal("offline", "pay", request)
    person.wait_for("Pay it? [y/N] ")
    person.type("y\n")
    person.wait_for("PIN of the offline wallet: ")
    person.type(OFFLINE_PIN + "\n")
    said = person.until_it_ends()
    for words in (payee.name, "KES 12.50", "“Maize”", "left then  KES 487.50", "Signed:"):
        assert words in said, (words, said)
    assert OFFLINE_PIN not in said, said
    text = payer.offline("show", payer.offline("list")["sent"][0]["code"])["text"]
    assert text in said, said
    shown = payee.scan(said, world.place())
    assert shown == text, shown
    assert payee.offline("accept", shown)["amount"] == 12_50
    # Whoever says no has done nothing.
    person = payer.at_a_terminal("offline", "pay", payee.offline("request", "1")["text"])
    person.wait_for("Pay it? [y/N] ")
    person.type("n\n")
    assert "Nothing was done." in person.until_it_ends()
    assert payer.offline("list")["counter"] == 1


def what_is_wrong_is_named(world, payer, payee):
    payer, payee = payer.copy(world.place()), payee.copy(world.place())
    request = payee.offline("request", "25")["text"]
    refused(payer, "offline_alphabet", "pay", request[:-1] + "é", "--yes")
    assert failure(payer, "pay", request[:-3], "--yes").code in ("offline_wrong_length", "offline_not_canonical")
    refused(payer, "offline_unknown_type", "pay", "OF:" + "0" * 30, "--yes")
    changed = request[:300] + ("A" if request[300] != "A" else "B") + request[301:]
    assert failure(payer, "pay", changed, "--yes").code.startswith("offline_")
    refused(payer, "offline_amount_differs", "pay", request, "--amount", "26", "--yes")
    refused(payee, "offline_payee_is_payer", "pay", request, "--yes")
    much = payee.offline("request", "600")["text"]
    refused(payer, "offline_insufficient_funds", "pay", much, "--yes")
    too_much = payee.offline("request", "100000")["text"]
    refused(payer, "offline_amount_above_transfer_limit", "pay", too_much, "--yes")
    assert "PIN is not right" in str(failure(payer, "pay", request, "--yes", FLORIN_OFFLINE_PIN="sunlight8"))
    unasked = failure(payer, "pay", request)
    assert unasked.exit_code == 2 and "--yes" in str(unasked)
    payment = payer.offline("pay", request, "--yes")
    refused(payer, "refused", "accept", request)
    refused(payer, "offline_not_for_me", "accept", payment["text"])
    payee.offline("accept", payment["text"])
    # The same request is the same payment, however often it is shown.
    assert payer.offline("pay", request, "--yes")["records"] == payment["records"]
    assert payer.offline("show", payment["code"])["text"] == payment["text"]


def copies_are_caught(world, payer, payee):
    """A backup that is put back spends twice: whoever sees both has the proof, and passes it on."""
    original, copy = payer.copy(world.place()), payer.copy(world.place())
    payee, other = payee.copy(world.place()), payee.copy(world.place())
    hop(original, payee, "30")
    request = payee.offline("request", "40")["text"]
    fork = copy.offline("pay", request, "--yes")["text"]
    before = payee.offline("list")
    refused(payee, "offline_conflicts", "accept", fork)
    after = payee.offline("list")
    assert after["balance"] == before["balance"] and after["proofs"] == 1, after
    proof = payee.offline("show", "proof")["text"]
    assert other.offline("accept", proof)["wallet"] == payer.offline("list")["wallet"]
    honest = other.offline("request", "1")["text"]
    refused(other, "offline_payer_revoked", "accept", copy.offline("pay", honest, "--yes")["text"])


def files_are_private_and_damage_is_told(world, payer):
    person = payer.copy(world.place())
    folder = person.folder / "offline"
    file = folder / "KES.wallet"
    assert folder.stat().st_mode & 0o777 == 0o700 and file.stat().st_mode & 0o777 == 0o600
    kept = file.read_bytes()
    # Neither key nor PIN is in it.
    assert b"sunlight" not in kept
    file.chmod(0o644)
    assert "chmod 600" in str(failure(person, "list"))
    file.chmod(0o600)
    folder.chmod(0o755)
    assert "chmod 700" in str(failure(person, "list"))
    folder.chmod(0o700)
    for place in range(0, len(kept), max(1, len(kept) // 60)):
        file.write_bytes(kept[:place] + bytes([kept[place] ^ 4]) + kept[place + 1:])
        done = person.run("offline", "list", "--json")
        assert done.returncode in (0, 1), done
        assert done.returncode == 0 or "damaged" in done.stderr, done
    file.write_bytes(kept[:len(kept) // 2])
    assert "damaged" in str(failure(person, "list"))
    file.write_bytes(kept)
    person.offline("list")


# MARK: Online again


def nobody_took_it(world):
    payer, payee = world.pair()
    request = payee.offline("request", "25")["text"]
    payment = payer.offline("pay", request, "--yes")
    assert payer.offline("undelivered", payment["code"], "--yes")["told"] is True
    state = payer.offline("list")
    assert state["sent"][0]["state"] == "undelivered" and state["balance"] == 475_00, state
    # The payee's own word wins.
    payee.offline("accept", payment["text"])
    payee.offline("deposit", "--yes")
    assert payee.online() == 2_025_00
    # What really was not taken comes back when nobody can claim it any more.
    before = payer.online()
    payer.offline("sync")
    lost = payer.offline("pay", payee.offline("request", "30")["text"], "--yes")
    payer.offline("undelivered", lost["code"], "--yes")
    world.florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": 7 * 86_400})
    payer.wait_until(lambda: payer.online() >= before + 30_00)


def who_lost_the_pin_begins_anew(world):
    payer, payee = world.pair()
    hop(payer, payee, "40")
    first = payer.offline("list")["wallet"]
    again = payer.offline("recover", "--yes", FLORIN_OFFLINE_PIN="another-pin")
    assert again["wallet"] != first
    assert list((payer.folder / "offline").glob(f"KES-{first}.ended"))
    assert payer.offline("list")["balance"] == 0
    # What was paid before reaches its payee; the rest comes back when the claims are over.
    payee.offline("deposit", "--yes")
    assert payee.online() == 2_040_00
    before = payer.online()
    world.florin.expect(200, "POST", "/sandbox/clock", {"advance_seconds": 7 * 86_400})
    payer.wait_until(lambda: payer.online() == before + 460_00)


def failure(person, *words, **more):
    try:
        said = person.offline(*words, **more)
    except Refused as refused:
        return refused
    raise AssertionError(f"not refused: {words}: {said}")


def refused(person, code, *words):
    found = failure(person, *words)
    assert found.code == code, (code, found)
    assert len(found.problem["detail"]) > 20, found


main()
