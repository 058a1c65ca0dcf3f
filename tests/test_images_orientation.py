"""Pictures stand upright however the camera was held."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgcap.images import open_picture
from tests.opened import KINDS, assert_quarters
from tests.picture_files import (
    after_start,
    encode,
    jpeg_segment,
    orientation_exif,
    png_chunk,
    quarters,
)

pytestmark = pytest.mark.usefixtures("silent")

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
