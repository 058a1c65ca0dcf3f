"""`imgcap feedback delete`, with the pictures that nobody needs any more."""

import os
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from tests.feedback_cli import HOUR, IMGCAP, NOON, Run, keep, some, stored
from tests.picture_files import every_kind


def kept_with(pictures: PictureFolder, number: int) -> list[FeedbackRecord]:
    """Return records of one session that have one picture, and others that have another."""
    one, other = (pictures.keep(data) for data in list(every_kind().values())[:2])
    return [
        FeedbackRecord(
            rating=3,
            session="mine" if n % 2 else "theirs",
            picture_file=one if n % 2 else other,
            time=NOON + n * HOUR,
        )
        for n in range(number)
    ]


def files_of(pictures: PictureFolder) -> set[str]:
    return {path.stem for path in pictures.folder.glob("??/*")}


def test_a_session_goes_with_its_picture_and_the_others_stay(
    run: Run, url: str, pictures: PictureFolder
) -> None:
    records = kept_with(pictures, 6)
    keep(url, records)
    result = run("delete", "--session", "mine", "--dry-run")
    going = (
        "3 records of 2026-05-01 13:00 to 2026-05-01 17:00 (UTC), "
        "with 1 kept picture as far as no other feedback has it.\n"
    )
    assert (result.exit_code, result.stdout) == (0, going)
    assert len(stored(url)) == 6
    result = run("delete", "--session", "mine", "--yes")
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == going + "Deleted 3 records and 1 kept picture.\n"
    assert {record.session for record in stored(url)} == {"theirs"}
    assert files_of(pictures) == {records[0].picture_file}


def test_ids_and_dates_delete_what_they_name(run: Run, url: str, pictures: PictureFolder) -> None:
    records = kept_with(pictures, 6)
    keep(url, records)
    result = run("delete", "--id", records[0].id, "--id", records[2].id, "--yes")
    assert result.stdout.endswith("Deleted 2 records.\n")  # another has the picture
    assert len(files_of(pictures)) == 2
    assert run("delete", "--before", "2026-05-01T16:00", "--yes").exit_code == 0
    assert [record.id for record in stored(url)] == [records[5].id, records[4].id]
    result = run("delete", "--before", "2026-05-01", "--yes")
    assert (result.exit_code, result.stdout) == (0, "No feedback matches.\n")


def test_an_id_that_is_not_there_is_told_and_the_others_go(run: Run, url: str) -> None:
    one, other = some(2)
    keep(url, [one])
    result = run("delete", "--id", one.id, "--id", other.id, "--yes")
    assert result.exit_code == 1
    assert result.stdout.endswith("Deleted 1 record.\n")
    assert result.stderr == "imgcap: There is no feedback with 1 of these ids.\n"
    assert stored(url) == []
    result = run("delete", "--id", one.id, "--yes")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "imgcap: There is no feedback with this id.\n"


def test_pictures_without_feedback_are_deleted_once_they_are_old(
    run: Run, url: str, pictures: PictureFolder
) -> None:
    records = kept_with(pictures, 2)
    nothing = run("delete", "--orphans", "--yes")
    assert (
        nothing.stdout == "Every kept picture is named by feedback, or is younger than an hour.\n"
    )
    for place in pictures.folder.glob("??/*"):
        os.utime(place, (0, 0))

    lost = run("delete", "--orphans", "--yes")  # as in another folder than the dashboard's
    assert lost.exit_code == 1
    assert lost.stderr.startswith("imgcap: No feedback in this store names any of the pictures in")
    keep(url, records[:1])
    found = "1 kept picture that no feedback names, from more than an hour ago.\n"
    result = run("delete", "--orphans", "--dry-run")
    assert (result.exit_code, result.stdout) == (0, found)
    assert len(files_of(pictures)) == 2
    result = run("delete", "--orphans", "--yes")
    assert (result.exit_code, result.stdout) == (0, found + "Deleted 1 kept picture.\n")
    assert files_of(pictures) == {records[0].picture_file}
    assert len(stored(url)) == 1


def test_pictures_of_any_store_that_is_named_stay(
    run: Run, url: str, pictures: PictureFolder, tmp_path: Path
) -> None:
    records = kept_with(pictures, 2)
    for place in pictures.folder.glob("??/*"):
        os.utime(place, (0, 0))
    others = f"csv:{tmp_path / 'others.csv'}"
    keep(url, records[:1])
    keep(others, records[1:])
    result = run("delete", "--orphans", "--store", others, "--yes")
    assert result.stdout.startswith("Every kept picture is named")
    assert len(files_of(pictures)) == 2
    result = run("delete", "--session", "mine", "--store", others, "--store", url, "--yes")
    assert (result.exit_code, result.stdout) == (2, "")


def on_terminal(arguments: Sequence[str], answer: bytes) -> "subprocess.CompletedProcess[str]":
    """Run the command with a terminal as its standard input, on which someone types."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    os.write(leader, answer)
    try:
        return subprocess.run(
            [IMGCAP, "feedback", *arguments],
            stdin=follower,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        os.close(follower)
        os.close(leader)


@pytest.mark.parametrize(
    ("answer", "left", "status"), [(b"y\n", 0, 0), (b"n\n", 2, 1), (b"\n", 2, 1)]
)
def test_a_terminal_is_asked_first(
    run: Run,  # noqa: ARG001  # its settings
    url: str,
    answer: bytes,
    left: int,
    status: int,
) -> None:
    keep(url, some(2))
    done = on_terminal(["delete", "--before", "2027-01-01"], answer)
    assert done.returncode == status
    assert done.stdout.startswith("2 records of 2026-05-01 12:00 to 2026-05-01 13:00 (UTC).\n")
    assert "Delete this for good?" in done.stderr
    assert ("Nothing was deleted." in done.stderr) == (left == 2)
    assert len(stored(url)) == left
