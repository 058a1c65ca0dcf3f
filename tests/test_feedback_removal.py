"""Removal of records together with their pictures, and of pictures that no record names."""

import os
import subprocess
import sys
import threading
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

import imgcap.feedback.pictures
from imgcap.feedback import FeedbackError, FeedbackRecord, Query
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.removal import GRACE, Removal, removal_of, remove, remove_unnamed, unnamed
from tests.picture_files import every_kind


@pytest.fixture
def pictures(tmp_path: Path) -> PictureFolder:
    return PictureFolder(tmp_path / "pictures")


@pytest.fixture
def kept(pictures: PictureFolder) -> list[str]:
    return [pictures.keep(data) for data in list(every_kind().values())[:2]]


def test_a_removal_knows_what_goes(pictures: PictureFolder, kept: list[str]) -> None:
    records = [
        FeedbackRecord(rating=1, picture_file=name) for name in (*kept, kept[0], "", "a" * 64)
    ]
    removal = removal_of(records, pictures)
    assert removal.ids == {record.id for record in records}
    assert removal.pictures == {  # the last one's is not there
        kept[0]: {records[0].id, records[2].id},
        kept[1]: {records[1].id},
    }
    assert (removal.first, removal.last) == (records[0].time, records[-1].time)
    assert removal_of([], pictures) == Removal()


def test_a_picture_goes_with_the_last_record_that_has_it(
    tmp_path: Path, pictures: PictureFolder, kept: list[str]
) -> None:
    store = CsvStore(tmp_path / "feedback.csv")
    first, second, other = (
        FeedbackRecord(rating=1, picture_file=name) for name in (kept[0], kept[0], kept[1])
    )
    store.extend([first, second, other])
    assert remove(removal_of([first], pictures), store, pictures) == (1, 0)
    assert kept[0] in pictures
    assert remove(removal_of([second], pictures), store, pictures) == (1, 1)
    assert kept[0] not in pictures
    assert kept[1] in pictures
    assert store.read() == [other]


class WeakStore(CsvStore):
    """Fails to delete, the first time."""

    failed = False

    def delete(self, ids: Collection[UUID]) -> int:
        if not self.failed:
            self.failed = True
            raise FeedbackError("The server went away.")
        return super().delete(ids)


def test_a_removal_that_failed_leaves_no_picture_without_record_and_can_be_repeated(
    tmp_path: Path, pictures: PictureFolder, kept: list[str]
) -> None:
    store = WeakStore(tmp_path / "feedback.csv")
    record = FeedbackRecord(rating=1, picture_file=kept[0])
    store.append(record)
    with pytest.raises(FeedbackError, match="went away"):
        remove(removal_of([record], pictures), store, pictures)
    assert store.read() == [record]
    assert remove(removal_of(store.read(), pictures), store, pictures) == (1, 0)
    assert store.read() == []
    assert kept[0] not in pictures


def test_a_removal_does_not_go_through_the_other_records(
    tmp_path: Path, pictures: PictureFolder, kept: list[str]
) -> None:
    class Indexed(CsvStore):
        def iterate(self, query: Query | None = None) -> Iterator[FeedbackRecord]:
            raise AssertionError(query)

    store = Indexed(tmp_path / "feedback.csv")
    first, second, third = (FeedbackRecord(rating=1, picture_file=kept[0]) for _ in range(3))
    store.extend([first, second, third])
    assert remove(removal_of([first, second], pictures), store, pictures) == (2, 0)
    assert remove(removal_of([third], pictures), store, pictures) == (1, 1)


def test_a_picture_that_someone_is_just_saving_again_stays(
    tmp_path: Path, pictures: PictureFolder, kept: list[str]
) -> None:
    store = CsvStore(tmp_path / "feedback.csv")
    first, second = (FeedbackRecord(rating=n, picture_file=kept[0]) for n in (1, 2))
    store.append(first)
    done = threading.Event()
    with ThreadPoolExecutor() as threads:
        with pictures.saving():
            with PictureFolder(pictures.folder).saving():  # others may save at the same time
                pictures.keep(pictures.open(kept[0]))
            going = threads.submit(remove, removal_of([first], pictures), store, pictures)
            going.add_done_callback(lambda _: done.set())
            assert not done.wait(0.3)
            store.append(second)
        assert going.result() == (1, 0)
    assert kept[0] in pictures
    assert store.read() == [second]


SAVE = """
import sys
from imgcap.feedback.pictures import PictureFolder
with PictureFolder(sys.argv[1]).saving():
    print("saving", flush=True)
    input()
"""


def test_removals_wait_for_other_processes_but_not_for_dead_ones(
    tmp_path: Path, pictures: PictureFolder, kept: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store = CsvStore(tmp_path / "feedback.csv")
    store.append(FeedbackRecord(rating=1, picture_file=kept[0]))
    removal = removal_of(store.read(), pictures)
    command = [sys.executable, "-c", SAVE, str(pictures.folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        assert process.stdout.readline() == b"saving\n"
        monkeypatch.setattr(imgcap.feedback.pictures, "_LOCK_SECONDS", 0.2)
        with pytest.raises(FeedbackError, match="in use by another program; try again"):
            remove(removal, store, pictures)
        assert kept[0] in pictures
        assert store.summary().count == 1
        process.kill()
    assert remove(removal, store, pictures) == (1, 1)


def age(pictures: PictureFolder, sha256: str) -> None:
    """Make a picture look as if it had been kept two hours ago."""
    place = pictures.path(sha256)
    before = place.stat().st_mtime - 2 * GRACE.total_seconds()
    os.utime(place, (before, before))


def test_pictures_that_no_record_names_are_found_once_they_are_old(
    tmp_path: Path, pictures: PictureFolder, kept: list[str]
) -> None:
    one, other = CsvStore(tmp_path / "one.csv"), CsvStore(tmp_path / "other.csv")
    orphan = pictures.keep(list(every_kind().values())[2])
    one.append(FeedbackRecord(rating=1, picture_file=kept[0]))
    other.append(FeedbackRecord(rating=1, picture_file=kept[1]))
    assert list(unnamed([one, other], pictures)) == []
    for sha256 in (*kept, orphan):
        age(pictures, sha256)
    assert list(unnamed([one, other], pictures)) == [orphan]
    assert set(unnamed([one], pictures)) == {orphan, kept[1]}
    assert remove_unnamed([*kept, orphan, "f" * 64], [one, other], pictures, GRACE) == 1
    assert set(pictures) == set(kept)


def test_a_picture_that_was_kept_again_or_named_meanwhile_stays(
    tmp_path: Path, pictures: PictureFolder, kept: list[str]
) -> None:
    store = CsvStore(tmp_path / "feedback.csv")
    for sha256 in kept:
        age(pictures, sha256)
    found = list(unnamed([store], pictures))
    assert set(found) == set(kept)
    pictures.keep(pictures.open(kept[0]))
    store.append(FeedbackRecord(rating=1, picture_file=kept[1]))
    assert remove_unnamed(found, [store], pictures, GRACE) == 0
    assert set(pictures) == set(kept)


def test_a_row_that_cannot_be_read_still_holds_its_picture(
    tmp_path: Path, pictures: PictureFolder, kept: list[str]
) -> None:
    store = CsvStore(tmp_path / "feedback.csv")
    store.extend([FeedbackRecord(rating=1, picture_file=sha256) for sha256 in kept])
    content = (tmp_path / "feedback.csv").read_text()
    (tmp_path / "feedback.csv").write_text(content.replace('"1"', '"one"', 1))
    assert len(store.summary().unreadable) == 1
    for sha256 in kept:
        age(pictures, sha256)
    assert list(unnamed([store], pictures)) == []


def test_what_a_killed_program_left_of_a_picture_is_removed_when_it_is_old(
    pictures: PictureFolder, kept: list[str]
) -> None:
    part = pictures.path(kept[0]).with_name(".0123.part")
    part.write_bytes(b"half")
    assert pictures.delete_parts(GRACE) == 0
    os.utime(part, (0, 0))
    assert pictures.delete_parts(GRACE) == 1
    assert not part.exists()
    assert set(pictures) == set(kept)
    assert pictures.delete_parts(timedelta(0)) == 0
