# SPDX-License-Identifier: GPL-3.0-or-later
"""The QR code of a reference: what it holds, how large it is, what host it takes."""

from __future__ import annotations

import io
import re
import subprocess
import sys

import pytest
import zxingcpp
from PIL import Image

from evote.ballot.qr import draw_qr, qr_png, qr_svg, reference_url, verify_drawable, verify_host
from evote.errors import ParameterError
from evote.record.reference import Reference

REFERENCE = Reference(b"keyi", b"election", 1, bytes(range(32)), 1_718_180_400, bytes(range(100, 164)))
HOST = "vote.example.org"


def decode(image: bytes) -> str:
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(image)))
    return found.text


def png_modules(image: bytes, scale: int) -> set[tuple[int, int]]:
    """Return the dark modules of a PNG (row, column), the margin counted."""
    picture = Image.open(io.BytesIO(image)).convert("L")
    size = picture.width // scale
    return {
        (row, column)
        for row in range(size)
        for column in range(size)
        if picture.getpixel((column * scale + scale // 2, row * scale + scale // 2)) < 128
    }


def svg_modules(image: bytes) -> set[tuple[int, int]]:
    """Return the dark modules of an SVG whose path draws horizontal strokes in the middle of rows."""
    path = re.search(r' d="([^"]+)"', image.decode())
    assert path is not None
    dark, row, column = set(), 0.0, 0
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", path.group(1)):
        values = [float(number) for number in re.findall(r"-?\d*\.?\d+", numbers)]
        if command == "h":
            dark |= {(int(row), column + step) for step in range(int(values[0]))}
            column += int(values[0])
        else:
            across, down = values
            column = int(across) + (column if command == "m" else 0)
            row = down + (row if command == "m" else 0)
    return dark


def test_the_png_holds_the_address_and_it_reads_as_the_reference() -> None:
    text = decode(qr_png(REFERENCE, HOST))
    assert text == reference_url(REFERENCE, HOST) == f"https://{HOST}/r#{REFERENCE}"
    assert Reference.parse(text) == REFERENCE


def test_the_svg_has_the_modules_of_the_png() -> None:
    dark = svg_modules(qr_svg(REFERENCE, HOST))
    assert len(dark) > 1000
    assert dark == png_modules(qr_png(REFERENCE, HOST, scale=3), 3)


@pytest.mark.parametrize(("host", "side"), [("a" * 10, 53), ("a" * 11, 57), ("a" * 43, 57), ("a" * 44, 61)])
def test_it_is_the_smallest_of_level_m(host, side) -> None:
    image = Image.open(io.BytesIO(qr_png(REFERENCE, host, scale=1)))
    assert image.size == (side + 8, side + 8)
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(qr_png(REFERENCE, host))))
    assert found.ec_level in ("M", "Q", "H")


def test_it_is_read_with_a_stain() -> None:
    image = Image.open(io.BytesIO(qr_png(REFERENCE, HOST))).convert("L")
    middle = image.width // 2
    image.paste(255, (middle - 40, middle - 40, middle + 40, middle + 40))
    (found,) = zxingcpp.read_barcodes(image)
    assert Reference.parse(found.text) == REFERENCE


@pytest.mark.parametrize(
    "host", ["vote.example.org", "localhost", "vote.example.org:8443", "10.0.0.1", "xn--lection-9xa.fr"]
)
def test_a_host_is_taken(host) -> None:
    verify_host(host)


@pytest.mark.parametrize(
    "host",
    [
        "", ".", "vote..example.org", "vote.example.org.", "-vote.example.org", "vote-.example.org", "Vote.example.org",
        "vote.example.org/", "vote.example.org/r", "https://vote.example.org", "ada@vote.example.org", "vote example.org",
        "vote.example.org#", "vote.example.org?", "vote.example.org:", "vote.example.org:0", "vote.example.org:123456",
        "élection.fr", "vote.example.org\n", "vote.example.org\u0662", "[::1]", "a" * 64, ".".join(["a" * 60] * 5),
    ],
)  # fmt: skip
def test_what_is_no_host_is_refused(host) -> None:
    for draw in (reference_url, qr_svg, qr_png):
        with pytest.raises(ParameterError) as caught:
            draw(REFERENCE, host)
        assert caught.value.check == "REF-8"


@pytest.mark.parametrize("scale", [0, 41])
def test_a_size_out_of_range_is_refused(scale) -> None:
    qr_png(REFERENCE, HOST, scale=40)
    with pytest.raises(ParameterError) as caught:
        qr_png(REFERENCE, HOST, scale=scale)
    assert caught.value.check == "REF-8"


def test_a_file_says_what_is_drawn() -> None:
    for name in ("code.svg", "CODE.PNG"):
        verify_drawable(name, HOST)
    assert draw_qr("code.svg", REFERENCE, HOST) == qr_svg(REFERENCE, HOST)
    assert draw_qr("CODE.PNG", REFERENCE, HOST) == qr_png(REFERENCE, HOST)
    for name in ("code", "code.pdf", "svg"):
        with pytest.raises(ParameterError) as caught:
            verify_drawable(name, HOST)
        assert caught.value.check == "REF-8"


def test_without_the_extra_it_says_what_to_install() -> None:
    script = (
        "import sys; sys.modules['segno'] = None\n"
        "from evote.ballot.qr import verify_drawable\n"
        "from evote.errors import StateError\n"
        "try: verify_drawable('code.svg', 'vote.example.org')\n"
        "except StateError as error: print(error.check, 'evote[qr]' in str(error))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout == "REF-8 True\n"
