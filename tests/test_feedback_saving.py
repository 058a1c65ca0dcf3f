"""Saving of a record together with its picture."""

from collections.abc import Iterable
from pathlib import Path

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.saving import save_with_picture
from tests.picture_files import every_kind

PICTURE, OTHER = list(every_kind().values())[:2]
RECORD = FeedbackRecord(rating=4)


class Failing(CsvStore):
    """Says that it failed, before or after it has stored what it was given."""

    stores = False

    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        if self.stores:
            super().extend(records)
        raise FeedbackError("The disk is full.")


@pytest.fixture
def store(tmp_path: Path) -> CsvStore:
    return CsvStore(tmp_path / "feedback.csv")


@pytest.fixture
def failing(tmp_path: Path) -> Failing:
    return Failing(tmp_path / "feedback.csv")


def test_a_record_names_the_picture_that_was_kept_with_it(
    store: CsvStore, pictures: PictureFolder
) -> None:
    save_with_picture(RECORD, PICTURE, store, pictures)
    save_with_picture(RECORD, PICTURE, store, pictures)
    [record] = store.read()
    assert list(pictures) == [record.picture_file]
    assert record == RECORD.model_copy(update={"picture_file": record.picture_file})


def test_the_picture_of_a_record_that_was_not_stored_does_not_stay(
    failing: Failing, store: CsvStore, pictures: PictureFolder
) -> None:
    with pytest.raises(FeedbackError, match="disk is full"):
        save_with_picture(RECORD, PICTURE, failing, pictures)
    assert list(pictures) == []
    save_with_picture(RECORD, PICTURE, store, pictures)
    assert [record.picture_file for record in store.read()] == list(pictures)


def test_a_picture_stays_if_its_record_was_stored_after_all(
    failing: Failing, pictures: PictureFolder
) -> None:
    failing.stores = True
    with pytest.raises(FeedbackError, match="disk is full"):
        save_with_picture(RECORD, PICTURE, failing, pictures)
    assert [record.picture_file for record in failing.read()] == list(pictures)


def test_a_picture_that_was_there_before_stays_whatever_fails(
    failing: Failing, pictures: PictureFolder
) -> None:
    before = pictures.keep(PICTURE)  # with feedback of another store, for instance
    with pytest.raises(FeedbackError, match="disk is full"):
        save_with_picture(RECORD, PICTURE, failing, pictures)
    assert list(pictures) == [before]


def test_a_picture_stays_where_the_store_cannot_say_whether_it_has_the_record(
    tmp_path: Path, pictures: PictureFolder
) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(FeedbackError, match="no file that feedback could be kept in"):
        save_with_picture(RECORD, PICTURE, CsvStore(tmp_path / "folder"), pictures)
    assert len(list(pictures)) == 1


def test_what_is_no_picture_stores_nothing(store: CsvStore, pictures: PictureFolder) -> None:
    with pytest.raises(FeedbackError):
        save_with_picture(RECORD, b"no picture", store, pictures)
    assert store.read() == []
    save_with_picture(RECORD, OTHER, store, pictures)  # nothing stayed locked
    assert len(store.read()) == 1
