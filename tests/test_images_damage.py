"""Files that are damaged, cut off or malicious open as a picture or are refused in a sentence."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgcap.images import PictureError, open_picture
from tests.opened import FORMATS, KINDS, assert_quarters, refused
from tests.picture_files import after_start, encode, jpeg_segment, png, png_chunk, quarters

pytestmark = pytest.mark.usefixtures("silent")


@pytest.mark.parametrize("kind", KINDS)
def test_refuses_a_file_cut_at_any_tenth(kind: str) -> None:
    data = KINDS[kind]
    for tenth in range(1, 10):
        refused(data[: len(data) * tenth // 10])
    refused(data[:-3])


@pytest.mark.parametrize("kind", ["JPEG", "progressive JPEG", "PNG", "WebP"])
def test_refuses_a_photograph_cut_at_any_tenth(kind: str) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (120, 160, 3), dtype=np.uint8)
    options = {"progressive": True} if kind.startswith("progressive") else {}
    data = encode(Image.fromarray(noise), FORMATS[kind], **options)
    for tenth in range(1, 10):
        refused(data[: len(data) * tenth // 10])


def test_refuses_a_flipped_bit_anywhere_in_a_png() -> None:
    data = KINDS["PNG"]
    for index in range(8, len(data), 7):
        refused(data[:index] + bytes([data[index] ^ 4]) + data[index + 1 :])


def test_a_damaged_comment_does_not_cost_the_picture() -> None:
    data = KINDS["PNG"]
    comment = bytearray(png_chunk(b"tEXt", b"Title\0a"))
    comment[-5] ^= 1
    assert_quarters(open_picture(data[:33] + bytes(comment) + data[33:], "x.png"))


def test_a_malformed_multi_picture_header_is_ignored() -> None:
    data = after_start(KINDS["JPEG"], jpeg_segment(0xE2, b"MPF\0" + b"\xff" * 40))
    assert_quarters(open_picture(data, "phone.jpg"))


@pytest.mark.parametrize("count", [0, 2**32 - 1])
def test_a_malformed_animation_header_is_ignored(count: int) -> None:
    control = png_chunk(b"acTL", struct.pack(">II", count, 0))
    frame = png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 9999, 9999, 9, 9, 1, 1, 0, 0))
    data = KINDS["PNG"]
    assert_quarters(open_picture(data[:33] + control + frame + data[33:], "a.png"))


@pytest.mark.parametrize(
    "data",
    [
        after_start(KINDS["JPEG"], jpeg_segment(0xE5, b"") * 400_000),
        KINDS["progressive JPEG"][:-2]
        + KINDS["progressive JPEG"][KINDS["progressive JPEG"].rindex(b"\xff\xda") : -2] * 100
        + b"\xff\xd9",
        png(2, 2, bytes(14), extra=png_chunk(b"teSt", b"") * 30_000),
        b"GIF89a\2\0\2\0\0\0\0!\xfe" + b"\1a" * 400_000 + b"\0" + encode(quarters(), "GIF")[13:],
        after_start(KINDS["JPEG"], KINDS["JPEG"][2:-2]),
        png(0, 5, b""),
        png(2, 2, None),
        png(2, 2, bytes(14), depth=3),
    ],
    ids=[
        "JPEG segments",
        "JPEG scans",
        "PNG chunks",
        "GIF blocks",
        "two JPEG frames",
        "no width",
        "no pixels",
        "impossible depth",
    ],
)
def test_absurd_structures_are_refused(data: bytes) -> None:
    assert "damaged or incomplete" in refused(data)


@given(data=st.binary(max_size=300))
def test_random_bytes_are_refused(data: bytes) -> None:
    refused(data)


@given(
    kind=st.sampled_from(sorted(KINDS)),
    edits=st.lists(st.tuples(st.integers(0, 10_000), st.integers(0, 255)), max_size=12),
    cut=st.integers(0, 40),
)
def test_damaged_files_open_or_are_refused(
    kind: str, edits: list[tuple[int, int]], cut: int
) -> None:
    data = bytearray(KINDS[kind])
    for index, value in edits:
        data[index % len(data)] = value
    try:
        picture = open_picture(data[: len(data) - cut], "odd", max_pixels=10**6)
    except PictureError:
        return
    assert picture.image.mode == "RGB"
    assert picture.width * picture.height <= 10**6
