"""Every kind of colour becomes the RGB that a person would see on white."""

import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from imgcap.images import open_picture
from tests.opened import assert_near, assert_quarters, displaced_profile
from tests.picture_files import encode, png, png_chunk, quarters

pytestmark = pytest.mark.usefixtures("silent")


def half_transparent(mode: str) -> Image.Image:
    """A black picture whose left half is transparent, in a mode that can say so."""
    image = Image.new("LA", (20, 10), (0, 255))
    image.paste((0, 0), (0, 0, 10, 10))
    return image.convert(mode)


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "LA"), ("PNG", "RGBA"), ("WEBP", "RGBA"), ("GIF", "RGBA")]
)
def test_transparent_is_white(kind: str, mode: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    image = open_picture(encode(half_transparent(mode), kind, **options), "logo").image
    assert image.getpixel((2, 5)) == (255, 255, 255)
    assert image.getpixel((17, 5)) == (0, 0, 0)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_palette_entry_is_white(kind: str) -> None:
    image = Image.new("P", (20, 10), 1)
    image.putpalette([200, 0, 0, 0, 0, 90])
    image.paste(0, (0, 0, 10, 10))
    opened = open_picture(encode(image, kind, transparency=0), "logo").image
    assert opened.getpixel((2, 5)) == (255, 255, 255)
    assert opened.getpixel((17, 5)) == (0, 0, 90)


def test_half_transparent_is_half_white() -> None:
    data = encode(Image.new("RGBA", (8, 8), (200, 0, 0, 51)), "PNG")
    assert_near(open_picture(data, "x").image.getpixel((3, 3)), (244, 204, 204), 1)


def test_a_palette_with_one_alpha_each_is_laid_over_white() -> None:
    image = Image.new("P", (3, 1))
    image.putpalette([0, 0, 0, 100, 0, 0, 0, 0, 250])
    image.putdata([0, 1, 2])
    data = encode(image, "PNG", transparency=bytes([0, 128, 255]))
    row = np.asarray(open_picture(data, "x").image)[0].tolist()
    assert row[0] == [255, 255, 255]
    assert_near(row[1], (177, 127, 127), 1)
    assert row[2] == [0, 0, 250]


@pytest.mark.parametrize(
    ("depth", "colour", "rows", "transparent", "expected"),
    [
        (8, 0, b"\0\x40\x80", struct.pack(">H", 0x40), [255, 0x80]),
        (4, 0, b"\0\x3c", struct.pack(">H", 3), [255, 0xCC]),
        (2, 0, b"\0\x60", struct.pack(">H", 1), [255, 0xAA]),
        (1, 0, b"\0\x40", struct.pack(">H", 0), [255, 255]),
        (1, 0, b"\0\x40", struct.pack(">H", 1), [0, 255]),
        (16, 0, b"\0\x40\x01\x40\x02", struct.pack(">H", 0x4001), [255, 0x40]),
        (8, 2, b"\0" + b"\1\1\1" + b"\2\2\2", struct.pack(">HHH", 1, 1, 1), [255, 2]),
        (16, 2, b"\0" + b"\1\0" * 3 + b"\2\0" * 3, struct.pack(">HHH", *[256] * 3), [255, 2]),
    ],
)
def test_a_single_transparent_colour_is_white_at_every_depth(
    depth: int, colour: int, rows: bytes, transparent: bytes, expected: list[int]
) -> None:
    extra = png_chunk(b"tRNS", transparent)
    data = png(2, 1, rows, depth=depth, colour=colour, extra=extra)
    assert np.asarray(open_picture(data, "x").image)[0, :, 0].tolist() == expected


def test_sixteen_bit_grey_is_scaled_and_not_clipped() -> None:
    levels = np.array([[0, 255, 256, 0x8000, 0xFFFF]], dtype=np.uint16)
    image = open_picture(encode(Image.fromarray(levels), "PNG"), "x-ray.png").image
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 1, 128, 255]


@pytest.mark.parametrize("mode", ["1", "L", "P"])
def test_modes_without_colour_or_with_few(mode: str) -> None:
    image = Image.new("RGB", (16, 16), "black")
    image.paste("white", (8, 0, 16, 16))
    opened = open_picture(encode(image.convert(mode), "PNG"), "x").image
    assert opened.mode == "RGB"
    assert opened.getpixel((2, 2)) == (0, 0, 0)
    assert opened.getpixel((12, 2)) == (255, 255, 255)


def test_grey_jpeg() -> None:
    opened = open_picture(encode(Image.new("L", (16, 16), 77), "JPEG"), "x").image
    assert opened.getpixel((5, 5)) == (77, 77, 77)


@pytest.mark.parametrize("progressive", [False, True])
def test_cmyk_jpeg_is_not_a_negative(progressive: bool) -> None:  # noqa: FBT001
    data = encode(
        quarters().convert("CMYK"), "JPEG", quality=95, subsampling=0, progressive=progressive
    )
    assert b"Adobe" in data
    assert_quarters(open_picture(data, "print.jpg"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_is_applied(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(Image.new("RGB", (16, 16), (255, 0, 0)), kind, **options)
    assert_near(open_picture(data, "x").image.getpixel((8, 8)), (254, 0, 0), 2)
    data = encode(
        Image.new("RGB", (16, 16), (255, 0, 0)), kind, icc_profile=displaced_profile(), **options
    )
    assert_near(open_picture(data, "x").image.getpixel((8, 8)), (0, 255, 0), 3)


def grey_profile(gamma: float) -> bytes:
    """Build a greyscale profile by hand: header, tag table, white point, one gamma curve."""
    white = b"XYZ " + bytes(4) + struct.pack(">3i", 63190, 65536, 54061)
    curve = b"curv" + bytes(4) + struct.pack(">IHxx", 1, round(gamma * 256))
    table = struct.pack(">I4sII4sII", 2, b"wtpt", 156, len(white), b"kTRC", 176, len(curve))
    header = struct.pack(">I4sI4s4s4s", 192, bytes(4), 0x02400000, b"mntr", b"GRAY", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + white[8:]
    return header.ljust(128, b"\0") + table + white + curve


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_grey_profile_is_applied(kind: str) -> None:
    data = encode(Image.new("L", (16, 16), 128), kind, icc_profile=grey_profile(1.0))
    # Linear light: half of it looks like level 188 in sRGB.
    assert_near(open_picture(data, "x").image.getpixel((8, 8)), (188, 188, 188), 2)


@pytest.mark.parametrize(
    "profile",
    [
        b"x",
        bytes(128),
        displaced_profile()[:200],
        ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes(),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
    ],
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_broken_unfit_or_needless_profile_is_ignored(profile: bytes, kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95, "subsampling": 0}
    assert_quarters(open_picture(encode(quarters(), kind, icc_profile=profile, **options), "x"))
