from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgcap.edits import Brightness, Crop, Turn, apply
from imgcap.images import PictureError
from imgcap.settings import Settings
from imgcap.widgets.shelf import PREVIEW_SIDE, THUMBNAIL_SIDE, Shelf, reduced
from tests.pages import picture_file
from tests.picture_files import encode

SMALL = Settings(max_pixels=5_000, max_upload_mb=1)
"""Room for three pictures of 48 x 32 pixels."""


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(SMALL)


def folder(shelf: Shelf) -> Path:
    return Path(shelf._folder.name)


def test_a_picture_comes_back_pixel_for_pixel(shelf: Shelf) -> None:
    data = picture_file("a.png")
    shown = shelf.put(data, "a.png")
    assert (shown.width, shown.height, shown.format) == (48, 32, "PNG")
    assert shown.size_bytes == len(data)
    expected = np.asarray(Image.open(BytesIO(data)))
    assert np.array_equal(np.asarray(shelf.open(shown.id).image), expected)
    assert shelf.read(shown.id) == data


def test_decoded_pixels_are_bounded_and_all_pictures_stay(shelf: Shelf) -> None:
    ids = [shelf.put(picture_file(f"{n}.png"), f"{n}.png").id for n in range(10)]
    assert sum(p.width * p.height for p in shelf._decoded.values()) <= SMALL.max_pixels
    assert [picture_id for picture_id, _ in shelf._decoded] == ids[-3:]
    for number, picture_id in enumerate(ids):
        picture = shelf.open(picture_id)
        assert (picture.name, picture.sha256) == (f"{number}.png", picture_id)
        assert len(shelf._decoded) <= 3
    again = shelf.open(ids[-1])
    assert shelf.open(ids[-1]) is again, "one that is decoded is not decoded again"


def test_the_same_file_is_one_picture_under_its_first_name(shelf: Shelf) -> None:
    first = shelf.put(picture_file("a"), "first.png")
    second = shelf.put(picture_file("a"), "second.png")
    assert first.id == second.id
    assert [path.name for path in folder(shelf).iterdir()] == [first.id]
    assert shelf.open(first.id).name == "first.png"


@pytest.mark.parametrize(
    "data",
    [b"", b"no picture", picture_file("a")[:90], encode(Image.new("RGB", (90, 90)), "PNG")],
    ids=["empty", "text", "cut off", "too many pixels"],
)
def test_a_refused_file_leaves_nothing_behind(shelf: Shelf, data: bytes) -> None:
    with pytest.raises(PictureError):
        shelf.put(data, "a.png")
    assert list(folder(shelf).iterdir()) == []
    assert not shelf._decoded


def test_a_file_that_cannot_be_kept_leaves_nothing_behind(shelf: Shelf) -> None:
    shelf.close()  # as when the disk fails
    with pytest.raises(OSError, match="No such file"):
        shelf.put(picture_file("a"), "a.png")
    assert not shelf._decoded


def test_a_removed_picture_is_gone_from_disk_and_memory(shelf: Shelf) -> None:
    shown = shelf.put(picture_file("a"), "a.png")
    shelf.remove(shown.id)
    shelf.remove(shown.id)
    assert list(folder(shelf).iterdir()) == []
    for look in (shelf.open, shelf.read):
        with pytest.raises(KeyError):
            look(shown.id)


def test_closing_deletes_all_files(shelf: Shelf) -> None:
    place = folder(shelf)
    shelf.put(picture_file("a"), "a.png")
    shelf.close()
    assert not place.exists()


def test_a_shelf_that_is_forgotten_deletes_its_files() -> None:
    shelf = Shelf(SMALL)
    place = folder(shelf)
    shelf.put(picture_file("a"), "a.png")
    del shelf
    assert not place.exists()


@pytest.mark.parametrize(
    ("size", "expected"),
    [((3000, 2000), (1024, 683)), ((10, 3000), (3, 1024)), ((20, 10), (20, 10)), ((1, 1), (1, 1))],
)
def test_a_preview_keeps_its_proportions_and_is_never_enlarged(
    size: tuple[int, int], expected: tuple[int, int]
) -> None:
    small = Image.open(BytesIO(reduced(Image.new("RGB", size, "teal"), PREVIEW_SIDE)))
    assert (small.format, small.size) == ("JPEG", expected)


def test_a_picture_has_a_preview_and_a_thumbnail() -> None:
    shelf = Shelf(Settings())
    shown = shelf.put(encode(Image.new("RGB", (2000, 1000), "teal"), "PNG"), "a.png")
    assert Image.open(BytesIO(shown.preview)).size == (PREVIEW_SIDE, PREVIEW_SIDE // 2)
    assert Image.open(BytesIO(shown.thumbnail)).size == (THUMBNAIL_SIDE, THUMBNAIL_SIDE // 2)
    shelf.close()


def test_an_edited_picture_is_the_original_with_its_edits(shelf: Shelf) -> None:
    shown = shelf.put(picture_file("a"), "a.png")
    edits = (Turn(1), Crop(0, 8, 32, 20), Brightness(0.5))
    edited = shelf.open(shown.id, edits)
    assert np.array_equal(
        np.asarray(edited.image), np.asarray(apply(shelf.open(shown.id).image, edits))
    )
    assert (edited.sha256, edited.name) == (shown.id, "a.png")
    assert shelf.open(shown.id, edits) is edited, "not edited again"
    look = shelf.look(shown.id, edits)
    assert (look.id, look.width, look.height, look.edits) == (shown.id, 32, 20, edits)
    assert Image.open(BytesIO(look.preview)).size == (32, 20)
    assert len({shown.version, look.version, shelf.look(shown.id, edits[:1]).version}) == 3
    assert shelf.look(shown.id, ()) == shown
    for n in range(20):
        shelf.open(shown.id, (Brightness(1 + n / 10),))
        assert sum(p.width * p.height for p in shelf._decoded.values()) <= SMALL.max_pixels
    shelf.remove(shown.id)
    assert not shelf._decoded
    with pytest.raises(KeyError):
        shelf.open(shown.id, edits)


def test_the_look_of_a_small_part_is_sharp() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3_000, 4_000, 3), dtype=np.uint8)
    shelf = Shelf(Settings())
    shown = shelf.put(encode(Image.fromarray(pixels), "PNG"), "large.png")
    look = shelf.look(shown.id, (Crop(2_000, 1_000, 300, 200),))
    assert Image.open(BytesIO(look.preview)).size == (300, 200)
    near = np.asarray(Image.open(BytesIO(look.preview)).convert("L")).astype(int)
    truth = np.asarray(Image.fromarray(pixels[1_000:1_200, 2_000:2_300]).convert("L"))
    assert np.abs(near - truth).mean() < 10, "each pixel is there"
