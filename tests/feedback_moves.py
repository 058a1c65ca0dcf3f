"""What the tests of `imgcap feedback` export, import and copy share."""

from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgcap.cli import app
from imgcap.feedback import FeedbackRecord
from tests.feedback_cli import HOUR, NOON

PATIENCE = 120.0


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the address of a store that is not there yet and that the commands are told of."""
    address = f"sqlite:///{tmp_path / 'feedback.db'}"
    monkeypatch.setenv("IMGCAP_FEEDBACK", address)
    return address


def run(*arguments: object) -> Result:
    """Call `imgcap feedback`."""
    return CliRunner().invoke(app, ["feedback", *map(str, arguments)])


def some(number: int, **fields: object) -> list[FeedbackRecord]:
    """Return records an hour apart, rated 1, 2 ... 5, 1 ..., whose comments are awkward."""
    return [
        FeedbackRecord(
            rating=1 + n % 5, comment=f"number {n} =\0😀\r\n", time=NOON + n * HOUR, **fields
        )
        for n in range(number)
    ]
