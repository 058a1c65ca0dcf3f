"""Removal of records together with their pictures."""

from collections.abc import Collection
from pathlib import Path
from uuid import UUID

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.removal import Removal, removal_of, remove
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
    assert removal.pictures == set(kept)  # the last one's is not there
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
