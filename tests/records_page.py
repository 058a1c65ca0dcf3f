"""What the tests of the table of feedback share."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from imgcap.feedback import FeedbackRecord, open_store, open_store_at
from imgcap.settings import Settings

if TYPE_CHECKING:
    from imgcap.widgets.records import RecordsPanel
    from imgcap.widgets.state import AppState

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
MANY = 3_000
Open = Callable[[], "RecordsPanel"]


@pytest.fixture
def open_panel(state: "AppState") -> Open:
    """Return a function that builds the panel and waits for its first rows."""

    from imgcap.widgets.records import RecordsPanel

    def build() -> "RecordsPanel":
        panel = RecordsPanel(state)
        settle(panel)
        return panel

    return build


@pytest.fixture(params=["csv:", "sqlite:///"], ids=["csv", "sqlite"])
def many(request: pytest.FixtureRequest, tmp_path: Path, state: "AppState") -> "RecordsPanel":
    """Return a panel above many records: one a minute, rated 1, 2 ... 5, 1 ..."""
    from imgcap.widgets.records import RecordsPanel

    state.store = open_store_at(f"{request.param}{tmp_path / 'many'}")
    state.store.extend(
        FeedbackRecord(
            rating=n % 5 + 1,
            comment=f"number {n}{' owl' * (n % 10 == 0)}",
            time=NOON + timedelta(minutes=n),
        )
        for n in range(MANY)
    )
    panel = RecordsPanel(state)
    settle(panel)
    return panel


def settle(panel: "RecordsPanel") -> None:
    from tests.pages import wait_until

    wait_until(lambda: not panel.refresh.disabled)


def press(panel: "RecordsPanel", button: Any = None) -> None:
    (button or panel.refresh).click()
    settle(panel)


def choose(panel: "RecordsPanel", control: Any, value: object) -> None:
    control.value = value
    settle(panel)


def fill(settings: Settings, *comments: str, rating: int = 4) -> list[FeedbackRecord]:
    """Store one record a comment, a minute apart."""
    made = [
        FeedbackRecord(rating=rating, comment=comment, time=NOON + timedelta(minutes=minute))
        for minute, comment in enumerate(comments)
    ]
    open_store(settings).extend(made)
    return made


def comments(panel: "RecordsPanel") -> list[str]:
    return list(panel.rows.grid.data["Comment"])


def is_shown(widget: Any) -> bool:
    return widget.layout.display != "none"


def file_of(settings: Settings) -> Path:
    return Path(settings.feedback.removeprefix("csv:"))
