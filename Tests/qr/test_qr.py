"""Every leg of an offline payment as a QR code: what `florin qr` draws is read by zbarimg, from the clean
picture and after what screens, cameras and hands do to it. Texts are made here and not by Florin."""

import concurrent.futures
import json
import os
import pathlib
import pty
import random
import re
import subprocess
import sys
import tempfile

import numpy
from PIL import Image, ImageDraw, ImageFilter

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("FLORIN_BINARY", ROOT / ".build/debug/florin")).resolve()
VECTORS = ROOT / "Tests/OfflineProtocolTests/Vectors/ofp1.json"
SEED = 20261125

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"
FRAGMENT_BYTES_MAX = 300
# The sizes that the protocol names, by the leg; larger objects are shown as frames.
VERSIONS = {"REQ": 12, "PAY1": 13, "PAY2": 17, "PAY3": 22, "ACK": 6, "FRAUD": 15, "REQ, longest": 14}
# Of thirty random views, how many a camera has to get at once. It sees thirty a second; the largest code is
# the one that is also shown in frames.
VIEWS = 30
VIEWS_READ_MIN = {6: 22, 12: 27, 13: 27, 14: 27, 15: 27, 17: 27, 22: 22}


def main():
    print(f"seed {SEED}")
    with tempfile.TemporaryDirectory() as folder:
        legs = {name: Leg(name, text, pathlib.Path(folder)) for name, text in texts().items()}
        sizes_are_the_protocols(legs)
        clean_pictures_are_read(legs.values())
        drawings_are_read(legs.values())
        terminals_are_read(legs.values())
        each_degradation_is_survived(legs.values())
        random_views_are_read(legs.values())
        frames_make_up_for_a_lost_one()
        other_texts_come_back(pathlib.Path(folder))
        what_is_no_code_is_said(pathlib.Path(folder))
    print("QR codes: every leg is read, clean and degraded")


# MARK: What is shown


def base45(data):
    text = ""
    for start in range(0, len(data), 2):
        pair = data[start:start + 2]
        number = int.from_bytes(pair, "big")
        for _ in range(len(pair) + 1):
            text += ALPHABET[number % 45]
            number //= 45
    return text


def unbase45(text):
    data = b""
    for start in range(0, len(text), 3):
        digits = [ALPHABET.index(character) for character in text[start:start + 3]]
        number = sum(digit * 45**place for place, digit in enumerate(digits))
        data += number.to_bytes(len(digits) - 1, "big")
    return data


def frames(data):
    count = -(-len(data) // FRAGMENT_BYTES_MAX)
    length = -(-len(data) // count)
    pieces = [data[start:start + length] for start in range(0, len(data), length)]
    parity = bytearray(length)
    for piece in pieces:
        for place, byte in enumerate(piece):
            parity[place] ^= byte
    head = b"\x12\x34" + bytes([count])
    return ["OM:" + base45(head + bytes([index]) + len(data).to_bytes(2, "big") + piece)
            for index, piece in enumerate([*pieces, bytes(parity)])]


def texts():
    """By leg: the vectors of OFP1, objects of the sizes that the vectors leave out, and frames."""
    objects = json.loads(VECTORS.read_text())["objects"]
    legs = {name: objects[name]["text"] for name in ("REQ", "PAY1", "PAY2", "PAY3", "ACK", "FRAUD")}
    for name, text in legs.items():
        assert text == "OF:" + base45(bytes.fromhex(objects[name]["hex"])), name
    generator = random.Random(SEED)
    for name, kind, size in (("REQ, longest", 0x22, 321), ("DECLINE", 0x24, 94), ("RECEIPT", 0x32, 99),
                             ("CRL of forty", 0x51, 396), ("KEYS of three", 0x61, 196)):
        legs[name] = "OF:" + base45(bytes([kind]) + generator.randbytes(size - 1))
    for index, text in enumerate(frames(bytes.fromhex(objects["PAY4"]["hex"]))):
        legs[f"PAY4, frame {index}"] = text
    return legs


class Leg:
    def __init__(self, name, text, folder):
        self.name, self.text = name, text
        self.path = folder / f"{name}.png"
        florin("qr", text, "--png", self.path, "--scale", "1")
        picture = Image.open(self.path)
        picture.load()
        self.modules = picture.convert("L")
        self.version = (self.modules.width - 8 - 17) // 4

    def picture(self, scale):
        edge = round(self.modules.width * scale)
        kind = Image.Resampling.NEAREST if scale == int(scale) else Image.Resampling.BOX
        return self.modules.resize((edge, edge), kind)


def florin(*words, status=0, environment=None):
    done = subprocess.run([BINARY, *words], capture_output=True, text=True, env=environment)
    assert done.returncode == status, done
    return done.stdout if status == 0 else done.stderr


# MARK: Reading


def read(picture):
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        picture.save(file, "PNG", compress_level=1)
        file.flush()
        done = subprocess.run(
            ["zbarimg", "--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable", file.name],
            capture_output=True, text=True)
    return done.stdout.removesuffix("\n")


def all_are_read(pairs, what):
    """Pairs of a leg and a picture of it, two at a time as there are cores."""
    pairs = list(pairs)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        found = list(pool.map(read, (picture for _, picture in pairs)))
    missed = [leg.name for (leg, _), text in zip(pairs, found) if text != leg.text]
    assert not missed, f"{what}: not read: {missed}"


# MARK: Checks


def sizes_are_the_protocols(legs):
    for name, version in VERSIONS.items():
        assert legs[name].version == version, (name, legs[name].version)
    for leg in legs.values():
        # The largest frame has 306 bytes, which takes version 13.
        assert "frame" not in leg.name or leg.version <= 13, (leg.name, leg.version)


def clean_pictures_are_read(legs):
    for scale in (3, 8):
        all_are_read(((leg, leg.picture(scale)) for leg in legs), f"{scale} pixels a module")
    for leg in legs:
        leg.picture(4).save(leg.path)
        assert florin("qr", "--read", leg.path) == leg.text + "\n", leg.name


def drawings_are_read(legs):
    """The SVG, drawn by its own rectangles."""
    def drawn(leg):
        file = leg.path.with_suffix(".svg")
        florin("qr", leg.text, "--svg", file)
        svg = file.read_text()
        edge = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])
        picture = Image.new("L", (edge, edge), 255)
        path = svg.rpartition(' d="')[2].partition('"')[0]
        for column, row, length in re.findall(r"M(\d+) (\d+)h(\d+)v1h-\3z", path):
            box = (int(column), int(row), int(column) + int(length) - 1, int(row))
            ImageDraw.Draw(picture).rectangle(box, fill=0)
        return picture.resize((edge * 4, edge * 4), Image.Resampling.NEAREST)
    all_are_read(((leg, drawn(leg)) for leg in legs), "SVG")


def terminals_are_read(legs):
    """On dark and on light terminals with colours, and on a dark one without."""
    def shown(output, ink, paper):
        lines = output.replace("\r", "").rstrip("\n").split("\n")
        plain = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in lines]
        picture = Image.new("L", (len(plain[0]) + 20, 2 * len(plain) + 20), paper)
        for row, (line, text) in enumerate(zip(lines, plain)):
            is_set = line.startswith("\x1b[38;5;16;48;5;231m")
            front, back = (0, 255) if is_set else (ink, paper)
            for column, character in enumerate(text):
                for half, inked in enumerate((character in "█▀", character in "█▄")):
                    picture.putpixel((column + 10, 2 * row + half + 10), front if inked else back)
        return picture.resize((picture.width * 4, picture.height * 4), Image.Resampling.NEAREST)

    coloured = {leg.name: in_a_terminal("qr", leg.text) for leg in legs}
    for ink, paper, theme in ((230, 15, "a dark"), (30, 250, "a light"), (101, 0, "a blue")):
        all_are_read(((leg, shown(coloured[leg.name], ink, paper)) for leg in legs), f"{theme} terminal")
    plain = ((leg, shown(florin("qr", leg.text), 230, 15)) for leg in legs)
    all_are_read(plain, "a dark terminal without colours")


def in_a_terminal(*words):
    output = bytearray()
    def take(descriptor):
        data = os.read(descriptor, 65536)
        output.extend(data)
        return data
    # `pty.spawn` copies to this program's own output as well; it goes nowhere meanwhile.
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    sys.stdout.flush()
    os.dup2(nowhere, 1)
    try:
        status = pty.spawn([str(BINARY), *words], take)
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)
    assert status == 0, (words, output)
    return output.decode()


def each_degradation_is_survived(legs):
    """Each of those that the protocol names, alone and strong; those that sizes forbid are left out."""
    noise = numpy.random.default_rng(SEED)
    degradations = {
        "2 pixels a module": lambda leg: leg.picture(2),
        "3.3 pixels a module": lambda leg: leg.picture(3.3),
        "6 pixels a module": lambda leg: leg.picture(6),
        "blurred": lambda leg: leg.picture(6).filter(ImageFilter.GaussianBlur(2)),
        "noisy": lambda leg: noisy(leg.picture(6), 30, noise),
        "in perspective": lambda leg: seen(leg.picture(6), 0, (0.03, -0.02, -0.03, 0.02)),
        "turned": lambda leg: seen(leg.picture(6), 12, (0, 0, 0, 0)),
        "lit from one side": lambda leg: lit(leg.picture(6), 0.35),
        "compressed": lambda leg: compressed(leg.picture(6), 25),
    }
    for name, degrade in degradations.items():
        all_are_read(((leg, degrade(leg)) for leg in legs), name)


def random_views_are_read(legs):
    generator = random.Random(SEED)
    noise = numpy.random.default_rng(SEED)
    def view(leg):
        scale = generator.uniform(3, 6)
        tilt = [generator.uniform(-0.04, 0.04) for _ in range(4)]
        picture = seen(leg.picture(scale), generator.uniform(-15, 15), tilt)
        picture = lit(picture, generator.uniform(0.6, 1))
        picture = picture.filter(ImageFilter.GaussianBlur(scale * generator.uniform(0, 0.25)))
        return noisy(picture, generator.uniform(0, 12), noise)

    for leg in legs:
        if leg.name not in VERSIONS and not leg.name.endswith("frame 0"):
            continue
        views = [view(leg) for _ in range(VIEWS)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            count = sum(text == leg.text for text in pool.map(read, views))
        print(f"{leg.name}: version {leg.version}, {count} of {VIEWS} random views read")
        assert count >= VIEWS_READ_MIN[leg.version], (leg.name, count)


def frames_make_up_for_a_lost_one():
    objects = json.loads(VECTORS.read_text())["objects"]
    data = bytes.fromhex(objects["PAY4"]["hex"])
    sent = [unbase45(text[3:]) for text in frames(data)]
    count = sent[0][2]
    for lost in range(count + 1):
        pieces = {frame[3]: frame[6:] for frame in sent if frame[3] != lost}
        parity = pieces.pop(count, None)
        if parity is not None and lost < count:
            rest = bytearray(parity)
            for piece in pieces.values():
                for place, byte in enumerate(piece):
                    rest[place] ^= byte
            pieces[lost] = bytes(rest)
        whole = b"".join(pieces[index] for index in range(count))[:len(data)]
        assert whole == data, lost


def other_texts_come_back(folder):
    uri = "otpauth://totp/Florin:am%C3%ADna?secret=MFRGGZDFMZTWQ2LK&issuer=Florin"
    path = folder / "uri.png"
    florin("qr", uri, "--png", path)
    assert florin("qr", "--read", path) == uri + "\n"
    assert path.stat().st_mode & 0o777 == 0o600
    Image.open(path).convert("RGB").save(folder / "uri.jpg", quality=60)
    assert florin("qr", "--read", folder / "uri.jpg") == uri + "\n"


def what_is_no_code_is_said(folder):
    white = folder / "white.png"
    Image.new("L", (200, 200), 255).save(white)
    assert "no QR code" in florin("qr", "--read", white, status=1)
    text = folder / "text.png"
    text.write_text("push graphic-context\nviewbox 0 0 1 1\npop graphic-context\n")
    assert "neither a PNG nor a JPEG" in florin("qr", "--read", text, status=1)
    torn = folder / "torn.png"
    torn.write_bytes(white.read_bytes()[:60])
    assert "no QR code" in florin("qr", "--read", torn, status=1)
    assert "cannot be read" in florin("qr", "--read", folder / "none.png", status=1)
    alone = {"PATH": str(folder)}
    assert "zbar-tools" in florin("qr", "--read", white, status=1, environment=alone)
    florin("qr", "A" * 5000, status=2)
    florin("qr", "A", "--png", folder / "none" / "a.png", status=1)


# MARK: What happens to a picture


def noisy(picture, deviation, generator):
    pixels = numpy.asarray(picture, dtype=float)
    pixels = pixels + generator.normal(0, deviation, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype("uint8"))


def lit(picture, darkest):
    """Full light on the left, `darkest` of it on the right."""
    pixels = numpy.asarray(picture, dtype=float)
    return Image.fromarray((pixels * numpy.linspace(1, darkest, pixels.shape[1])).astype("uint8"))


def compressed(picture, quality):
    with tempfile.NamedTemporaryFile(suffix=".jpg") as file:
        picture.save(file, "JPEG", quality=quality)
        return Image.open(file.name).convert("L")


def seen(picture, degrees, tilt):
    """In the middle of a grey room, turned, with its corners moved by parts of its size."""
    edge = picture.width
    room = Image.new("L", (edge * 3 // 2, edge * 3 // 2), 170)
    room.paste(picture, (edge // 4, edge // 4))
    room = room.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=170)
    size = room.width
    left, top, right, bottom = (part * size for part in tilt)
    corners = (left, top, right, size - top, size - left, size - bottom, size + right, bottom)
    return room.transform(room.size, Image.Transform.QUAD, corners, Image.Resampling.BICUBIC, fillcolor=170)


main()
