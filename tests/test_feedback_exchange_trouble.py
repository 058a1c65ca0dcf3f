"""Exports that fail or would destroy something, and imports of what is wrong."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.exchange import FORMATS, export, read_export
from imgcap.feedback.pictures import PictureFolder
from tests.disks import as_nobody, full_disk
from tests.feedback_exchange import PICTURES, SAID


def parts_left(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize(
    "name",
    [
        "../secret.png",
        "/etc/passwd",
        "pictures/../../secret.png",
        "link.png",
        "loop.png",
        "folder/link/secret.png",
        "nothing.png",
        ".",
        "",
        "\0",
        3,
        None,
    ],
)
def test_a_picture_outside_of_the_folder_is_refused(
    tmp_path: Path, pictures: PictureFolder, name: object
) -> None:
    folder = tmp_path / "export"
    (folder / "folder").mkdir(parents=True)
    (tmp_path / "secret.png").write_bytes(PICTURES[2])
    (folder / "link.png").symlink_to(tmp_path / "secret.png")
    (folder / "loop.png").symlink_to(folder / "loop.png")
    (folder / "folder/link").symlink_to(tmp_path)
    fields = {"id": str(SAID.id), "time": "2026-05-01T12:00:00Z", "rating": 4}
    rows = [fields | {"file_name": name}] if name is not None else [[name]]
    (folder / "metadata.jsonl").write_text("".join(json.dumps(row) for row in rows))
    with pytest.raises(FeedbackError, match=r"^Line 1 of “.*/metadata\.jsonl” cannot be imported"):
        list(read_export(folder, pictures=pictures))
    assert not pictures.folder.exists()


@pytest.mark.parametrize("name", FORMATS)
def test_an_export_that_stops_leaves_nothing(name: str, tmp_path: Path) -> None:
    def stopping() -> Iterator[FeedbackRecord]:
        yield from [SAID] * 3
        raise FeedbackError("The database went away.")

    with pytest.raises(FeedbackError, match="went away"):
        export(stopping(), tmp_path / "export", name)
    assert list(tmp_path.iterdir()) == []
    export([SAID], tmp_path / "export", name)
    with pytest.raises(FeedbackError, match="went away"):
        export(stopping(), tmp_path / "export", name, overwrite=True)
    assert list(read_export(tmp_path / "export")) == [SAID]
    assert not parts_left(tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_killed_export_leaves_nothing_under_its_name(name: str, tmp_path: Path) -> None:
    code = """
import os, signal, sys
from pathlib import Path
from imgcap.feedback import FeedbackRecord
from imgcap.feedback.exchange import export
def killed():
    for _ in range(5000):
        yield FeedbackRecord(rating=1, comment="x" * 100)
    os.kill(os.getpid(), signal.SIGKILL)
export(killed(), Path(sys.argv[1]), sys.argv[2])
"""
    killed = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "export"), name], check=False
    )
    assert killed.returncode < 0
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_there_is_replaced_only_if_asked(name: str, tmp_path: Path) -> None:
    place, other = tmp_path / "export", FeedbackRecord(rating=1)
    export([SAID], place, name)
    with pytest.raises(FeedbackError, match="is there already"):
        export([other], place, name)
    assert list(read_export(place)) == [SAID]
    export([other], place, name, overwrite=True)
    assert list(read_export(place)) == [other]
    assert not parts_left(tmp_path)


def test_a_folder_with_anything_else_in_it_is_never_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "thesis"
    folder.mkdir()
    (folder / "chapter.txt").write_text("years of work")
    (tmp_path / "link").symlink_to(folder)
    for place in (folder, tmp_path / "link", folder / "chapter.txt"):
        with pytest.raises(FeedbackError, match="holds more than an earlier export"):
            export([SAID], place, "imagefolder", overwrite=True)
    with pytest.raises(FeedbackError, match="no file that could be replaced"):
        export([SAID], folder, "csv", overwrite=True)
    assert (folder / "chapter.txt").read_text() == "years of work"


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    long = FeedbackRecord(rating=1, comment="x" * 100_000)
    for name in FORMATS:
        with full_disk(50_000), pytest.raises(FeedbackError, match="no room left on the disk"):
            export([long], tmp_path / "export", name)
        assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    for name in FORMATS:
        with pytest.raises(FeedbackError, match=r"could not be exported: .*nowhere/export"):
            export([SAID], tmp_path / "nowhere/export", name)
    with as_nobody() as place:
        place.chmod(0o500)
        for name in FORMATS:
            with pytest.raises(FeedbackError, match="this program may not open"):
                export([SAID], place / "export", name)


def test_a_folder_cannot_be_sent_and_an_unknown_format_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match="needs a folder"):
        export([SAID], BytesIO(), "imagefolder")
    for use in (lambda: export([], tmp_path / "x", "pdf"), lambda: [*read_export(tmp_path, "pdf")]):
        with pytest.raises(FeedbackError, match="“pdf”; choose csv, jsonl, imagefolder, label-s"):
            use()


LINE = json.dumps({"id": str(SAID.id), "time": "2026-05-01T12:00:00Z", "rating": 4})
HEAD = "id,time,rating,comment\n"
GOOD = f"{SAID.id},2026-05-01T12:00:00Z,4,good\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (f"{LINE}\n\n{LINE[:-9]}\n", "Line 3 of “{}” cannot be imported: it is not JSON."),
        (f"{LINE}\n" + LINE.replace(": 4", ": 6"), "Line 2 of “{}” cannot be imported: the rating"),
        (f"{LINE}\n[]", "Line 2 of “{}” cannot be imported: it is no record of feedback."),
        ('{"rating": 3}', "Line 1 of “{}” cannot be imported: it has no id or no time."),
        (LINE.replace("rating", "stars"), "Line 1 of “{}” cannot be imported: "),
        ('{"a":' * 100_000, "Line 1 of “{}” cannot be imported: it is not JSON."),
        ("", None),
        ("name,age\nAnna,3\n", "“{}” cannot be imported: its first row does not name the columns"),
        (f"{HEAD}{GOOD}{GOOD.replace(',4,', ',9,')}", "Row 3 of “{}” cannot be imported: the rat"),
        (f"{HEAD}{GOOD}1,2,3,4,5,6,7\n", "Row 3 of “{}” cannot be imported: "),
        ("[", "Task 1 of “{}” cannot be imported: it is not JSON, or incomplete."),
        ("[]", None),
        ("[3]", "Task 1 of “{}” cannot be imported: it is no task that was exported from here."),
        ('[{"data": {"image": "a.jpg"}}]', "Task 1 of “{}” cannot be imported: it is no task"),
        ("\0\1\2\3", "“{}” cannot be imported: "),
    ],
)
def test_what_is_wrong_in_a_file_is_said_with_its_place(
    tmp_path: Path, content: str, sentence: str | None
) -> None:
    place = tmp_path / "export"
    place.write_text(content)
    if sentence is None:
        assert list(read_export(place)) == []
        return
    with pytest.raises(FeedbackError) as refusal:
        list(read_export(place))
    said = str(refusal.value)
    assert said.startswith(sentence.format(place))
    assert said.endswith(".")
    assert "\n" not in said


def test_records_before_the_wrong_one_are_read(tmp_path: Path) -> None:
    (tmp_path / "export").write_text(f"{LINE}\nnonsense\n")
    records = read_export(tmp_path / "export")
    assert next(records).id == SAID.id
    with pytest.raises(FeedbackError, match=r"^Line 2 "):
        next(records)


@pytest.mark.parametrize("name", FORMATS)
def test_a_torn_export_is_told(name: str, tmp_path: Path) -> None:
    place = tmp_path / "export"
    export([SAID, FeedbackRecord(rating=1, comment="last")], place, name)
    file = place / "records.jsonl" if name == "imagefolder" else place
    file.write_bytes(file.read_bytes()[:-30])
    records = read_export(place, name)
    assert next(records) == SAID
    with pytest.raises(FeedbackError, match=r"(Line|Row|Task) [23] of"):
        list(records)


def test_a_source_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(FeedbackError, match=r"could not be imported: .*nothing.*no such file"):
        list(read_export(tmp_path / "nothing"))
    with pytest.raises(FeedbackError, match="no folder of the format imagefolder"):
        list(read_export(tmp_path))
    (tmp_path / "mine").write_bytes(b"")
    if os.geteuid():
        return
    (tmp_path / "mine").chmod(0)
    with as_nobody(), pytest.raises(FeedbackError, match="this program may not open"):
        list(read_export(tmp_path / "mine"))
