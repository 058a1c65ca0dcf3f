import hashlib
import logging
import struct
import subprocess
import sys
import textwrap
import threading
import warnings
import zipfile
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from imgcap.images import Picture, PictureError, clean_name, open_picture
from tests.picture_files import (
    BLUE,
    GREEN,
    GREY,
    RED,
    after_start,
    encode,
    every_kind,
    jpeg_segment,
    orientation_exif,
    png,
    png_chunk,
    quarters,
)

KINDS = every_kind()
FORMATS = {name: name.rpartition(" ")[2] for name in KINDS}
TRANSPOSED_FOR = {  # what a camera stores for an upright picture, by orientation
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.fixture(autouse=True)
def _silent(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Nothing that these tests open may warn, log or print."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    assert not [record for record in caplog.records if record.levelno >= logging.INFO]
    assert capfd.readouterr() == ("", "")


def refused(data: object, name: str = "holiday.jpg", **limits: int) -> str:
    with pytest.raises(PictureError) as caught:
        open_picture(data, name, **limits)  # type: ignore[arg-type]
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert sentence.isprintable()
    assert clean_name(name) in sentence
    return sentence


def corners(picture: Picture) -> list[tuple[int, ...]]:
    """Colours at the middle of each quarter, row by row."""
    xs, ys = (picture.width // 4, picture.width * 3 // 4), (picture.height // 4,) * 2
    points = [(x, y + row * picture.height // 2) for row in (0, 1) for x, y in zip(xs, ys)]  # noqa: B905
    return [picture.image.getpixel(point) for point in points]  # type: ignore[misc]


def assert_near(pixel: object, expected: tuple[int, ...], tolerance: int = 6) -> None:
    assert np.abs(np.subtract(pixel, expected)).max() <= tolerance, (pixel, expected)


def assert_quarters(picture: Picture, tolerance: int = 6) -> None:
    assert (picture.width, picture.height) == (48, 32)
    for seen, expected in zip(corners(picture), (RED, GREEN, BLUE, GREY), strict=True):
        assert_near(seen, expected, tolerance)


@pytest.mark.parametrize("kind", KINDS)
def test_opens_every_accepted_kind_whatever_it_is_called(kind: str) -> None:
    picture = open_picture(KINDS[kind], "essay.docx")
    assert_quarters(picture)
    assert picture.format == FORMATS[kind]
    assert picture.image.mode == "RGB"
    assert picture.name == "essay.docx"
    assert picture.size_bytes == len(KINDS[kind])
    assert picture.sha256 == hashlib.sha256(KINDS[kind]).hexdigest()


def test_takes_what_an_upload_widget_hands_over() -> None:
    data = KINDS["PNG"]
    pictures = [open_picture(form(data), "x.png") for form in (bytes, bytearray, memoryview)]
    assert len({picture.sha256 for picture in pictures}) == 1
    assert pictures[0] == pictures[1] == pictures[2]


@pytest.mark.parametrize("data", [None, "text", 5, ["a"], Path("x")])
def test_refuses_what_is_no_bytes(data: object) -> None:
    refused(data)


def test_refuses_an_empty_file() -> None:
    assert "is empty" in refused(b"")


@pytest.mark.parametrize("image_format", ["TIFF", "BMP", "ICO", "PPM", "TGA", "PCX", "PDF", "EPS"])
def test_refuses_other_picture_formats_with_a_picture_name(image_format: str) -> None:
    assert "not a JPEG, PNG, WebP or GIF" in refused(encode(quarters(), image_format), "a.png")


@pytest.mark.parametrize(
    "data",
    [
        b"<html><script>alert(1)</script></html>",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"MZ" + bytes(200),
        b"RIFF\x24\0\0\0WAVEfmt " + bytes(40),
        b"%PDF-1.7 " + KINDS["JPEG"],
        b"\0" * 4096,
    ],
)
def test_refuses_other_content(data: bytes) -> None:
    assert "not a JPEG, PNG, WebP or GIF" in refused(data, "photo.jpg")


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


@pytest.mark.parametrize("kind", KINDS)
def test_what_follows_the_picture_does_not_matter(kind: str) -> None:
    archive = BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("evil.sh", "rm -rf /")
    picture = open_picture(KINDS[kind] + archive.getvalue(), "both.zip")
    assert_quarters(picture)
    assert picture.sha256 != hashlib.sha256(KINDS[kind]).hexdigest()


def test_the_first_picture_of_a_multi_picture_jpeg_is_taken() -> None:
    other = Image.new("RGB", (30, 30), "yellow")
    data = encode(quarters(), "MPO", save_all=True, append_images=[other], quality=95)
    with Image.open(BytesIO(data)) as check:
        assert check.format == "MPO"
    picture = open_picture(data, "phone.jpg")
    assert picture.format == "JPEG"
    assert_near(corners(picture)[3], GREY, 25)


def test_a_malformed_multi_picture_header_is_ignored() -> None:
    data = after_start(KINDS["JPEG"], jpeg_segment(0xE2, b"MPF\0" + b"\xff" * 40))
    assert_quarters(open_picture(data, "phone.jpg"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    later = [Image.new("RGB", (48, 32), (n, 0, 90)) for n in range(0, 200, 20)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(quarters(), kind, save_all=True, append_images=later, **options)
    with Image.open(BytesIO(data)) as check:
        assert check.n_frames == 11  # type: ignore[attr-defined]
    assert_quarters(open_picture(data, "moving"))


@pytest.mark.parametrize("count", [0, 2**32 - 1])
def test_a_malformed_animation_header_is_ignored(count: int) -> None:
    control = png_chunk(b"acTL", struct.pack(">II", count, 0))
    frame = png_chunk(b"fcTL", struct.pack(">IIIIIHHBB", 7, 9999, 9999, 9, 9, 1, 1, 0, 0))
    data = KINDS["PNG"]
    assert_quarters(open_picture(data[:33] + control + frame + data[33:], "a.png"))


@pytest.mark.parametrize("order", [">", "<"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("value", TRANSPOSED_FOR)
def test_every_orientation_gives_the_same_upright_picture(
    value: int, kind: str, order: str
) -> None:
    stored = quarters()
    transposition = TRANSPOSED_FOR[value]
    if transposition is not None:
        stored = stored.transpose(transposition)
    options = {"lossless": True} if kind == "WEBP" else {"quality": 95, "subsampling": 0}
    data = encode(stored, kind, exif=orientation_exif(value, order), **options)
    assert_quarters(open_picture(data, "camera"))


@pytest.mark.parametrize("width", [1, 4])
def test_orientations_in_other_integer_types_count(width: int) -> None:
    stored = quarters().transpose(Image.Transpose.ROTATE_180)
    data = encode(stored, "PNG", exif=orientation_exif(3, "<", width))
    assert_quarters(open_picture(data, "camera"))


@pytest.mark.parametrize(
    "exif",
    [
        b"",
        b"MM",
        b"MM\0*",
        b"II*\0\xff\xff\xff\xff",
        b"II*\0\x08\0\0\0\xff\xff" + b"\x12\x01" * 50,
        b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x02\0\0\0\x01\0\x06\0\0",
        orientation_exif(0)[6:],
        orientation_exif(9)[6:],
        orientation_exif(6)[6:-12],
        b"\0" * 100,
    ],
)
def test_broken_exif_is_ignored(exif: bytes) -> None:
    segment = jpeg_segment(0xE1, b"Exif\0\0" + exif)
    assert_quarters(open_picture(after_start(KINDS["JPEG"], segment), "a.jpg"))
    data = KINDS["PNG"]
    assert_quarters(open_picture(data[:33] + png_chunk(b"eXIf", exif) + data[33:], "a.png"))


@given(exif=st.binary(max_size=80), order=st.sampled_from([b"MM\0*", b"II*\0"]))
def test_no_exif_block_can_break_a_picture(exif: bytes, order: bytes) -> None:
    segment = jpeg_segment(0xE1, b"Exif\0\0" + order + exif)
    picture = open_picture(after_start(KINDS["JPEG"], segment), "a.jpg")
    assert {picture.width, picture.height} == {48, 32}


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


def displaced_profile() -> bytes:
    """An RGB profile in which red and green have changed places."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = profile.index(b"rXYZ"), profile.index(b"gXYZ")
    profile[red : red + 4], profile[green : green + 4] = b"gXYZ", b"rXYZ"
    # The name decides nothing about colours, but a profile that calls itself sRGB is believed.
    return bytes(profile).replace("sRGB".encode("utf-16-be"), "swap".encode("utf-16-be"))


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


def test_no_metadata_is_left() -> None:
    exif = Image.Exif()
    exif[0x010F] = "A camera"
    data = encode(
        quarters(), "JPEG", exif=exif, comment=b"at home", icc_profile=displaced_profile()
    )
    image = open_picture(data, "x").image
    assert image.info == {}
    assert not image.getexif()
    assert not hasattr(image, "fp")
    assert type(image) is Image.Image


def test_size_limit_comes_before_decoding() -> None:
    data = KINDS["PNG"]
    open_picture(data, "x", max_bytes=len(data))
    assert "too large" in refused(data, max_bytes=len(data) - 1)
    assert "too large" in refused(b"no picture at all", max_bytes=5)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF"])
def test_pixel_limit_is_exact(kind: str) -> None:
    open_picture(KINDS[kind], "x", max_pixels=48 * 32)
    assert "48 x 32 pixels" in refused(KINDS[kind], max_pixels=48 * 32 - 1)


def test_costly_kinds_are_accepted_up_to_less() -> None:
    assert "for this kind of WebP" in refused(KINDS["WebP"], max_pixels=48 * 32 * 2)
    assert "for this kind of JPEG" in refused(KINDS["progressive JPEG"], max_pixels=48 * 32)


def test_limits_come_from_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGCAP_MAX_PIXELS", "100")
    assert "too large" in refused(KINDS["PNG"])
    monkeypatch.setenv("IMGCAP_MAX_PIXELS", "10000")
    monkeypatch.setenv("IMGCAP_MAX_UPLOAD_MB", "1")
    assert "at most 1 MB" in refused(KINDS["PNG"] + bytes(2**20))


@pytest.mark.parametrize(
    "data",
    [
        png(60_000, 60_000, bytes(1000)),
        png(2**31 - 1, 2**31 - 1, bytes(10)),
        png(65_536, 1, bytes(10)),
        png(1, 65_536, bytes(10)),
        b"GIF89a\xff\xff\xff\xff" + encode(quarters(), "GIF")[10:],
        b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xff\xff\xff\xff\xff\xffVP8L\0\0\0\0",
    ],
)
def test_enormous_pictures_are_refused_by_their_header(data: bytes) -> None:
    assert "too large" in refused(data)


@pytest.mark.parametrize("kind", [b"zTXt", b"iTXt", b"iCCP"])
def test_packed_text_and_profiles_are_never_unpacked_whole(kind: bytes) -> None:
    packer = zlib.compressobj(9)
    packed = b"".join(packer.compress(bytes(2**20)) for _ in range(64)) + packer.flush()
    middle = b"\1\0\0\0" if kind == b"iTXt" else b"\0"
    chunk = png_chunk(kind, b"name\0" + middle + packed)
    data = KINDS["PNG"]
    assert_quarters(open_picture(data[:33] + chunk + data[33:], "x.png"))


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


@given(name=st.text(max_size=400))
def test_names_are_printable_short_and_never_empty(name: str) -> None:
    cleaned = clean_name(name)
    assert cleaned.isprintable()
    assert 0 < len(cleaned) <= 120
    assert clean_name(cleaned) == cleaned
    refused(b"", name)


def test_names_keep_what_people_write() -> None:
    for name in ("Straße am Meer.jpg", "写真 1.png", "my cat (2).webp", "🐈.gif"):
        assert clean_name(name) == name
    assert (
        clean_name("a\x1b[31mred\n.jpg")
        == "a\N{REPLACEMENT CHARACTER}[31mred\N{REPLACEMENT CHARACTER}.jpg"
    )
    assert clean_name("x" * 100_000 + ".jpg").endswith("x.jpg")
    assert clean_name(b"\xff.jpg".decode("utf-8", "surrogateescape")).encode("utf-8")
    assert clean_name("  ") == clean_name("") == "unnamed"


def test_threads_do_not_disturb_each_other() -> None:
    odd = after_start(KINDS["JPEG"], jpeg_segment(0xE1, b"Exif\0\0II*\0\xff"))
    failures: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(30):
                assert_quarters(open_picture(odd, "x"))
                refused(odd[:-50])
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


WORST = """
import sys, time
from tests.picture_files import orientation_exif, png, png_chunk
from PIL import Image
from imgcap.images import open_picture, PictureError
import io, zlib
Image.MAX_IMAGE_PIXELS = None

def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM")) / 1024

def make(case):
    if case == "png":
        rows = zlib.compress(bytes((1 + 9248 * 8) * 6936), 1)
        parts = b"".join(png_chunk(b"IDAT", rows[n:n+256]) for n in range(0, len(rows), 256))
        exif = png_chunk(b"eXIf", orientation_exif(6)[6:])
        return png(9248, 6936, None, depth=16, colour=6, extra=exif + parts)
    if case == "row":
        extra = png_chunk(b"eXIf", orientation_exif(6)[6:])
        return png(65_535, 979, bytes((1 + 4 * 65_535) * 979), colour=6, extra=extra)
    kind, size, mode, options = {
        "jpeg": ("JPEG", (8192, 6104), "RGB", {"progressive": True, "subsampling": 0}),
        "cmyk": ("JPEG", (8192, 6104), "CMYK", {}),
        "webp": ("WEBP", (5800, 4400), "RGB", {"method": 0, "quality": 10}),
    }[case]
    buffer = io.BytesIO()
    Image.new(mode, size).save(buffer, kind, exif=orientation_exif(6), **options)
    return buffer.getvalue()

if sys.argv[1] == "make":
    sys.stdout.buffer.write(make(sys.argv[2]))
else:
    data = sys.stdin.buffer.read()
    before, start = peak(), time.process_time()
    picture = open_picture(data, "large")
    assert picture.height > picture.width
    print(peak() - before, time.process_time() - start)
"""


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
@pytest.mark.parametrize("case", ["png", "row", "jpeg", "cmyk", "webp"])
def test_the_largest_pictures_take_under_500_mb_and_a_few_seconds(case: str) -> None:
    python = [sys.executable, "-c", textwrap.dedent(WORST)]
    root = Path(__file__).parent.parent
    made = subprocess.run([*python, "make", case], cwd=root, capture_output=True, check=True)
    run = subprocess.run(
        [*python, "open"], cwd=root, input=made.stdout, capture_output=True, check=True
    )
    assert run.stderr == b""
    megabytes, seconds = map(float, run.stdout.split())
    assert 150 < megabytes < 500
    assert seconds < 8
