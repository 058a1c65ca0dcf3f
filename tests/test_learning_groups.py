from pathlib import Path

import imagehash
import numpy as np
import pytest
from PIL import Image

from imgcap.feedback import FeedbackError
from imgcap.learning.groups import FEWEST_SESSIONS, FOLDS, fold, freeze_folds, frozen_folds, group

SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"


def hash_of(image: Image.Image) -> np.uint64:
    return np.uint64(int(str(imagehash.phash(image)), 16))


def test_pictures_that_are_nearly_the_same_are_never_divided() -> None:
    with Image.open(SAMPLES / "cat.jpg") as image:
        cat = image.convert("RGB")
    with Image.open(SAMPLES / "rocket.jpg") as image:
        rocket = image.convert("RGB")
    small = cat.resize((cat.width // 2, cat.height // 2))
    bright = small.point(lambda value: min(255, value + 12))
    hashes = np.array([hash_of(each) for each in (cat, rocket, small, bright)])
    assert group(["a", "b", "c", "d"], hashes, [""] * 4).tolist() == [0, 1, 0, 0]


def test_equal_pictures_belong_together_and_so_do_pages_where_there_are_many() -> None:
    count = FEWEST_SESSIONS * 2
    far = np.random.default_rng(0).integers(0, 2**63, count, np.uint64)
    names = [f"{number}" for number in range(count)]
    assert len(set(group(names, far, [""] * count))) == count
    assert len(set(group(["same"] * 2 + names[2:], far, [""] * count))) == count - 1
    pages = [f"page {number % FEWEST_SESSIONS}" for number in range(count)]
    assert len(set(group(names, far, pages))) == FEWEST_SESSIONS
    fewer = [f"page {number % 2}" for number in range(count)]
    assert len(set(group(names, far, fewer))) == count


def test_a_picture_stays_in_its_part_for_good(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folds.json"
    names = [f"picture {number}" for number in range(100)]
    parts = fold(names, np.arange(100), frozen_folds(path))
    assert set(parts) == set(range(FOLDS))
    freeze_folds(path, names, parts)
    later = ["a picture like number 7", *names]
    groups = np.array([7, *range(100)])
    again = fold(later, groups, frozen_folds(path))
    assert again[1:].tolist() == parts.tolist()
    assert again[0] == parts[7]
    freeze_folds(path, names[:3], parts[:3])
    assert set(frozen_folds(path)) == set(names[:3])


@pytest.mark.parametrize("content", [b"", b"[1]", b'{"a": "b"}', b"\xff"])
def test_a_damaged_division_begins_anew(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "folds.json"
    path.write_bytes(content)
    assert frozen_folds(path) == {}


def test_a_division_that_cannot_be_kept_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FeedbackError, match="could not be kept"):
        freeze_folds(tmp_path / "file" / "folds.json", ["a"], np.zeros(1, np.int64))
