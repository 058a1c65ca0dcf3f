"""What the tests of statistics share: feedback in outline."""

from datetime import UTC, datetime
from typing import Any

from imgcap.feedback import Outline

MONDAY = datetime(2026, 11, 23, 12, tzinfo=UTC)


def said(**fields: Any) -> Outline:
    """Return an outline of which only some fields matter."""
    nothing = Outline(MONDAY, 3, "", None, "", "", "", "", "")
    return nothing._replace(**fields)


def judged(label: str, right: str, score: float | None = None, times: int = 1) -> list[Outline]:
    return [said(label=label, corrected_label=right, score=score)] * times
