"""What the tests of feedback files share."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.csv import CsvStore


def record(comment: str = "", *, rating: int = 3, seconds: int = 0) -> FeedbackRecord:
    time = datetime(2026, 5, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    return FeedbackRecord(rating=rating, comment=comment, time=time)


def comments(path: Path) -> list[str]:
    """Return the comments that a store reads from a file, oldest first."""
    return [each.comment for each in CsvStore(path).read()[::-1]]
