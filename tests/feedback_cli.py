"""What the tests of `imgcap feedback` share."""

import sys
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgcap.cli import app
from imgcap.feedback import FeedbackRecord, open_store_at
from imgcap.feedback.pictures import PictureFolder

IMGCAP = str(Path(sys.executable).with_name("imgcap"))
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
Run = Callable[..., Result]


@pytest.fixture
def pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PictureFolder:
    """Give the folder of pictures that the commands are told of."""
    monkeypatch.setenv("IMGCAP_PICTURES", str(tmp_path / "pictures"))
    return PictureFolder(tmp_path / "pictures")


@pytest.fixture(params=["csv:{}/feedback.csv", "sqlite:///{}/feedback.db"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of a store that is not there yet."""
    return str(request.param).format(tmp_path)


@pytest.fixture
def run(url: str, pictures: PictureFolder, monkeypatch: pytest.MonkeyPatch) -> Run:  # noqa: ARG001  # its setting
    """Return a function that calls `imgcap feedback` on that store."""

    monkeypatch.setenv("IMGCAP_FEEDBACK", url)

    def call(*arguments: object, data: str = "", width: int = 80) -> Result:
        return CliRunner(env={"COLUMNS": str(width)}).invoke(
            app, ["feedback", *map(str, arguments)], input=data
        )

    return call


def some(number: int) -> list[FeedbackRecord]:
    """Return records an hour apart, rated 1, 2 ... 5, 1 ..."""
    return [
        FeedbackRecord(rating=1 + n % 5, comment=f"number {n}", time=NOON + n * HOUR)
        for n in range(number)
    ]


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
