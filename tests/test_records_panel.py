import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from jupyter_client.session import json_packer

from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.csv import CsvStore
from imgcap.inference import Prediction
from imgcap.settings import Settings
from imgcap.widgets import records
from imgcap.widgets.records import MOST_CHARACTERS, WIDTHS, RecordsPanel
from imgcap.widgets.state import AppState
from tests.pages import download, wait_until

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ANOTHER_PAGE = """
import sys
from imgcap.feedback import FeedbackRecord, open_store
from imgcap.settings import Settings
open_store(Settings(feedback=sys.argv[1])).append(FeedbackRecord(rating=1, comment="from afar"))
"""
Open = Callable[[], RecordsPanel]


@pytest.fixture
def open_panel(state: AppState) -> Open:
    """Return a function that builds the panel and waits for its first rows."""

    def build() -> RecordsPanel:
        panel = RecordsPanel(state)
        settle(panel)
        return panel

    return build


def settle(panel: RecordsPanel) -> None:
    wait_until(lambda: not panel.refresh.disabled)


def press(panel: RecordsPanel) -> None:
    panel.refresh.click()
    settle(panel)


def fill(settings: Settings, *comments: str, rating: int = 4) -> list[FeedbackRecord]:
    """Store one record a comment, a minute apart."""
    store = open_store(settings)
    made = [
        FeedbackRecord(rating=rating, comment=comment, time=NOON + timedelta(minutes=minute))
        for minute, comment in enumerate(comments)
    ]
    for record in made:
        store.append(record)
    return made


def comments(panel: RecordsPanel) -> list[str]:
    return list(panel.grid.data["Comment"])


def test_without_feedback_there_is_a_hint(open_panel: Open) -> None:
    panel = open_panel()
    assert "No feedback yet" in panel.figures.value
    assert panel.grid.layout.display == panel.download.layout.display == "none"
    assert panel.message.value == ""


def test_feedback_is_shown_newest_first_with_counts_and_mean(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, "first", "second", "third")
    fill(page_settings, "poor", rating=1)
    panel = open_panel()
    assert comments(panel) == ["third", "second", "poor", "first"]
    assert next(iter(panel.grid.data["Time (UTC)"])) == "2026-11-23 12:02:00"
    assert "<strong>4</strong> in all, mean rating <strong>3.2</strong>" in panel.figures.value
    assert "1: 1 · 2: 0 · 3: 0 · 4: 3 · 5: 0" in panel.figures.value
    assert panel.grid.layout.display is None
    assert panel.message.value == ""


def test_a_row_says_what_was_rated(open_panel: Open, page_settings: Settings) -> None:
    script = "<script>alert(1)</script>"
    record = FeedbackRecord(
        rating=2,
        time=NOON,
        comment=script,
        corrected_label="lynx",
        corrected_caption="a lynx",
        caption="a cat",
        predictions=(Prediction("cat", 0.8), Prediction("dog", 0.2)),
        picture_name="cat.jpg",
        classifier="x/clip",
        captioner="y/blip",
    )
    open_store(page_settings).append(record)
    grid = open_panel().grid
    assert list(grid.data.columns) == list(WIDTHS)
    assert tuple(grid.data.iloc[0]) == (
        *("2026-11-23 12:00:00", 2, script, "cat", "lynx", "a cat", "a lynx", "cat.jpg"),
        "x/clip, y/blip",
    )


def test_what_this_page_saves_appears_by_itself(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    panel = open_panel()
    fill(page_settings, "mine")
    state.saved += 1
    wait_until(lambda: comments(panel) == ["mine"])
    assert panel.grid.layout.display is None


def test_what_another_process_saves_appears_on_refresh(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, "mine")
    panel = open_panel()
    subprocess.run([sys.executable, "-c", ANOTHER_PAGE, page_settings.feedback], check=True)
    assert comments(panel) == ["mine"]
    press(panel)
    assert set(comments(panel)) == {"mine", "from afar"}
    assert "<strong>2</strong> in all" in panel.figures.value


def test_feedback_can_be_searched(open_panel: Open, page_settings: Settings) -> None:
    fill(page_settings, "a Cat", "a dog", "two cats")
    panel = open_panel()
    panel.search.value = " cat "
    settle(panel)
    assert comments(panel) == ["two cats", "a Cat"]
    assert "2 of 3 match." in panel.message.value
    assert "<strong>3</strong> in all" in panel.figures.value
    panel.search.value = "owl"
    settle(panel)
    assert comments(panel) == []
    assert "0 of 3 match." in panel.message.value
    panel.search.value = ""
    settle(panel)
    assert len(comments(panel)) == 3
    assert panel.message.value == ""


def test_a_search_that_is_overtaken_is_not_shown(
    open_panel: Open, page_settings: Settings, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    import threading

    fill(page_settings, "a cat", "a dog")
    panel = open_panel()
    go, page = threading.Event(), CsvStore.page

    def slow_for_cats(store: CsvStore, query: records.Query, **rest: int) -> records.Page:
        if query.text == "cat":
            go.wait()
        return page(store, query, **rest)

    monkeypatch.setattr(CsvStore, "page", slow_for_cats)
    background = threading.active_count()
    panel.search.value = "cat"
    panel.search.value = "dog"
    wait_until(lambda: comments(panel) == ["a dog"])
    go.set()
    wait_until(lambda: threading.active_count() <= background)
    assert comments(panel) == ["a dog"]
    assert state.error == ""


def test_only_the_newest_rows_are_shown(
    open_panel: Open, page_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "MOST_ROWS", 3)
    fill(page_settings, *map(str, range(5)))
    panel = open_panel()
    assert comments(panel) == ["4", "3", "2"]
    assert "The newest 3 are shown." in panel.message.value
    assert "<strong>5</strong> in all" in panel.figures.value
    assert len(download(panel.download).splitlines()) == 6, "all can be downloaded"


def test_a_row_that_cannot_be_read_is_named(open_panel: Open, page_settings: Settings) -> None:
    fill(page_settings, "good")
    file = Path(page_settings.feedback.removeprefix("csv:"))
    with file.open("ab") as out:
        out.write(b'"<script>damaged","row"\r\n')
    panel = open_panel()
    assert comments(panel) == ["good"]
    assert "1 row cannot be read. Row 3 is left out:" in panel.message.value
    assert "<script" not in panel.message.value


def test_a_store_that_cannot_be_read_is_a_sentence(
    open_panel: Open, page_settings: Settings
) -> None:
    Path(page_settings.feedback.removeprefix("csv:")).mkdir()
    panel = open_panel()
    assert "is no file that feedback could be kept in" in panel.message.value
    assert 'role="alert"' in panel.message.value
    Path(page_settings.feedback.removeprefix("csv:")).rmdir()
    press(panel)
    assert panel.message.value == ""


def test_the_download_is_what_is_stored(
    open_panel: Open, page_settings: Settings, tmp_path: Path
) -> None:
    fill(page_settings, '=1+1 "quoted"', "<script>\n🦉", "half \ud83d an emoji")
    copy = tmp_path / "copy.csv"
    copy.write_bytes(download(open_panel().download))
    assert CsvStore(copy).read() == open_store(page_settings).read()


def test_any_comment_can_be_sent_to_a_page(open_panel: Open, page_settings: Settings) -> None:
    long = "x" * 100_000
    fill(page_settings, "half \ud83d an emoji", long)
    panel = open_panel()
    json_packer(panel.grid.get_state())
    assert comments(panel) == ["x" * MOST_CHARACTERS + "…", "half ? an emoji"]
