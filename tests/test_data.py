import re
from pathlib import Path

import pytest

from imgcap.images import open_picture
from imgcap.labels import label_sets, read_labels
from imgcap.settings import Settings

DATA = Settings().data
SAMPLES = sorted((DATA / "samples").glob("*.jpg"))


def table(readme: Path) -> dict[str, list[str]]:
    """Rows of the README's table, by the file in the first column."""
    rows = (line.strip("| ").split(" | ") for line in readme.read_text("utf-8").splitlines())
    return {row[0].strip("`"): row[1:] for row in rows if re.fullmatch(r"`[\w.]+`", row[0])}


@pytest.mark.parametrize("path", SAMPLES, ids=lambda path: path.stem)
def test_samples_are_small_photographs_without_metadata(path: Path) -> None:
    data = path.read_bytes()
    picture = open_picture(data, path.name)
    assert 300 <= max(picture.width, picture.height) <= 1024
    assert len(data) < 200_000
    assert b"Exif" not in data


def test_every_sample_has_its_source_author_and_licence() -> None:
    rows = table(DATA / "samples" / "README.md")
    assert sorted(rows) == [path.name for path in SAMPLES]
    assert len(rows) >= 6
    assert all(len(row) == 4 and all(row) for row in rows.values())


def test_every_label_set_reads_and_is_as_long_as_its_table_says() -> None:
    sets = label_sets()
    rows = table(DATA / "labels" / "README.md")
    assert {path.name for path in sets.values()} == set(rows)
    for path in sets.values():
        labels = read_labels(path)
        lines = path.read_text("utf-8").splitlines()
        assert len(labels) == sum(not line.startswith("#") for line in lines)
        assert f"{len(labels):,}" == rows[path.name][0]
        assert re.fullmatch(r"# \w[\w ]+", lines[0])


def test_the_seed_set_is_the_nine_labels_the_app_starts_with() -> None:
    assert read_labels(label_sets()["seed"]) == (
        "a photo of a cat",
        "a photo of a dog",
        "a picture of a bird",
        "a person",
        "a car",
        "nature",
        "a landscape",
        "food",
        "sports",
    )


def test_imagenet_is_in_class_order() -> None:
    labels = read_labels(label_sets()["imagenet"])
    expected = {0: "tench", 281: "tabby cat", 657: "missile", 999: "toilet paper"}
    assert len(labels) == 1000
    assert {index: labels[index] for index in expected} == expected
