"""Exports and imports: what goes out comes back, and other programs can read it."""

import json
import tempfile
import tracemalloc
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.exchange import FORMATS, export, read_export
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.record import MAX_COMMENT
from tests.feedback_exchange import PICTURES, SAID
from tests.feedback_records import RECORDS

FILES = [name for name in FORMATS if name != "imagefolder"]


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> PictureFolder:
    """Return a folder with a few pictures."""
    folder = PictureFolder(tmp_path_factory.mktemp("kept"))
    for data in PICTURES[::2]:
        folder.keep(data)
    return folder


@pytest.mark.parametrize("name", FORMATS)
@given(records=st.lists(RECORDS, max_size=4), numbers=st.lists(st.integers(-1, 2), max_size=4))
@settings(max_examples=50, deadline=None)
def test_every_record_comes_back_as_it_was(
    name: str, kept: PictureFolder, records: list[FeedbackRecord], numbers: list[int]
) -> None:
    files = [*sorted(path.stem for path in kept.folder.rglob("*.*")), ""]
    for at, number in enumerate(numbers[: len(records)]):
        records[at] = FeedbackRecord(**{**dict(records[at]), "picture_file": files[number]})
    with tempfile.TemporaryDirectory() as folder:
        place, theirs = Path(folder, "export"), PictureFolder(f"{folder}/theirs")
        assert export(records, place, name, kept) == len(records)
        back = list(read_export(place, None if records else name, theirs))
        assert sorted(back, key=lambda each: each.id) == sorted(records, key=lambda each: each.id)
        for record in back:
            if name == "imagefolder" and record.picture_file:
                assert theirs.open(record.picture_file) == kept.open(record.picture_file)


@pytest.mark.parametrize("name", FILES)
def test_an_export_to_a_browser_is_the_file(name: str, tmp_path: Path) -> None:
    sent = BytesIO()
    export([SAID], sent, name)
    export([SAID], tmp_path / "export", name)
    assert (tmp_path / "export").read_bytes() == sent.getvalue()


@pytest.mark.parametrize("name", FORMATS)
def test_a_comment_of_a_megabyte_comes_back(name: str, tmp_path: Path) -> None:
    said = FeedbackRecord(rating=1, comment=('"=1\r\n\0' * MAX_COMMENT)[:MAX_COMMENT])
    export([said], tmp_path / "export", name)
    assert list(read_export(tmp_path / "export")) == [said]


@pytest.mark.parametrize("name", FORMATS)
def test_memory_does_not_grow_with_the_number_of_records(name: str, tmp_path: Path) -> None:
    def many() -> Iterator[FeedbackRecord]:
        return (FeedbackRecord(rating=1, comment=f"{n} " * 5_000) for n in range(1_000))

    tracemalloc.start()
    try:
        export(many(), tmp_path / "export", name)
        assert sum(1 for _ in read_export(tmp_path / "export", name)) == 1_000
        assert tracemalloc.get_traced_memory()[1] < 5e6
    finally:
        tracemalloc.stop()
    written = sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file())
    assert written > 15e6


def test_a_csv_is_what_the_store_keeps(tmp_path: Path) -> None:
    CsvStore(tmp_path / "feedback.csv").append(SAID)
    export([SAID], tmp_path / "export.csv", "csv")
    assert (tmp_path / "export.csv").read_bytes() == (tmp_path / "feedback.csv").read_bytes()
    assert CsvStore(tmp_path / "export.csv").read() == [SAID]


def test_a_csv_from_a_spreadsheet_or_of_the_first_version_is_imported(tmp_path: Path) -> None:
    place = tmp_path / "export.csv"
    export([SAID], place, "csv")
    table = pd.read_csv(place, dtype=str, keep_default_na=False)
    place.write_bytes(table.to_csv(index=False, sep=";").encode("utf-16"))
    assert list(read_export(place)) == [SAID]
    place.write_text("Rating,Feedback\n5,good\n1,bad\n")
    first, again = list(read_export(place)), list(read_export(place))
    assert [(record.rating, record.comment) for record in first] == [(5, "good"), (1, "bad")]
    assert first == again


def test_json_lines_are_read_by_other_programs(tmp_path: Path) -> None:
    said = FeedbackRecord(rating=2, comment="\ud83d\udfff ä", corrected_label="cat")
    export([SAID, said], tmp_path / "export.jsonl", "jsonl")
    assert (tmp_path / "export.jsonl").read_bytes().isascii()
    table = pd.read_json(tmp_path / "export.jsonl", lines=True)
    assert list(table["rating"]) == [4, 2]
    assert list(table["corrected_label"]) == ["", "cat"]
    assert table["predictions"][0] == [
        {"label": "cat", "score": 0.75},
        {"label": "dog", "score": 0.25},
    ]


def test_an_image_folder_names_each_picture_once(tmp_path: Path, pictures: PictureFolder) -> None:
    sha256 = pictures.keep(PICTURES[0])
    shown = [FeedbackRecord(rating=n, picture_file=sha256, edits=({"a": n},)) for n in (1, 2)]
    gone = FeedbackRecord(rating=3, picture_file="0" * 64)
    export([*shown, gone, SAID], tmp_path / "export", "imagefolder", pictures)
    rows = [json.loads(line) for line in (tmp_path / "export/metadata.jsonl").open()]
    assert {row["file_name"] for row in rows} == {f"pictures/{sha256[:2]}/{sha256}.jpg"}
    assert [json.loads(row["edits"]) for row in rows] == [[{"a": 1}], [{"a": 2}]]
    assert (tmp_path / "export" / rows[0]["file_name"]).read_bytes() == pictures.open(sha256)
    assert len((tmp_path / "export/records.jsonl").read_text().splitlines()) == 2
    assert list(read_export(tmp_path / "export")) == [*shown, gone, SAID]


def test_an_imported_picture_is_kept_without_metadata(
    tmp_path: Path, pictures: PictureFolder
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/a.jpg").write_bytes(PICTURES[0] + b"secret")
    row = {"file_name": "a.jpg", "id": str(SAID.id), "time": "2026-05-01T12:00:00Z", "rating": 4}
    (tmp_path / "folder/metadata.jsonl").write_text(json.dumps(row))
    [record] = read_export(tmp_path / "folder", pictures=pictures)
    assert record.picture_file == pictures.keep(PICTURES[0])
