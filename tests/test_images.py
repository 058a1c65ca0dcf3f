"""What an accepted file becomes, and what is no picture."""

import hashlib
import threading
import zipfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgcap.images import clean_name, open_picture
from tests.opened import (
    FORMATS,
    KINDS,
    assert_near,
    assert_quarters,
    corners,
    displaced_profile,
    refused,
)
from tests.picture_files import GREY, after_start, encode, jpeg_segment, quarters

pytestmark = pytest.mark.usefixtures("silent")


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


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_the_first_frame_of_an_animation_is_taken(kind: str) -> None:
    later = [Image.new("RGB", (48, 32), (n, 0, 90)) for n in range(0, 200, 20)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(quarters(), kind, save_all=True, append_images=later, **options)
    with Image.open(BytesIO(data)) as check:
        assert check.n_frames == 11  # type: ignore[attr-defined]
    assert_quarters(open_picture(data, "moving"))


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
    assert (
        clean_name("Foto\N{NO-BREAK SPACE}9.41\N{NARROW NO-BREAK SPACE}AM.png")
        == "Foto 9.41 AM.png"
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
