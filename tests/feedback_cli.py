"""What the tests of `imgcap feedback` share."""

import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from imgcap.feedback import FeedbackRecord, open_store_at
from imgcap.feedback.pictures import PictureFolder

IMGCAP = str(Path(sys.executable).with_name("imgcap"))
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PictureFolder:
    """Give the folder of pictures that the commands are told of."""
    monkeypatch.setenv("IMGCAP_PICTURES", str(tmp_path / "pictures"))
    return PictureFolder(tmp_path / "pictures")


def keep(url: str, records: Iterable[FeedbackRecord]) -> None:
    """Put records into the store at an address."""
    store = open_store_at(url)
    store.extend(records)
    store.close()


def stored(url: str) -> list[FeedbackRecord]:
    """Return the records of the store at an address."""
    store = open_store_at(url)
    try:
        return store.read()
    finally:
        store.close()
