"""The table of feedback shows what the store holds, and nothing in it runs."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from jupyter_client.session import json_packer

from imgcap.charts import DARK, LIGHT
from imgcap.feedback import FeedbackRecord, open_store
from imgcap.feedback.csv import CsvStore
from imgcap.inference import Prediction
from imgcap.settings import Settings
from imgcap.widgets.records.rows import MOST_CHARACTERS, WIDTHS
from imgcap.widgets.state import AppState
from tests.pages import wait_until
from tests.records_page import NOON, Open, comments, fill, is_shown, press, settle

ANOTHER_PAGE = """
import sys
from imgcap.feedback import FeedbackRecord, open_store, open_store_at
from imgcap.settings import Settings
open_store(Settings(feedback=sys.argv[1])).append(FeedbackRecord(rating=1, comment="from afar"))
"""


def test_without_feedback_there_is_a_hint_and_nothing_to_press_but_refresh(
    open_panel: Open, page_settings: Settings
) -> None:
    panel = open_panel()
    assert "No feedback yet" in panel.figures.value
    assert not any(map(is_shown, (panel.rows, panel.filters, panel.pager, panel.nothing)))
    assert not is_shown(panel.filters.clear)
    assert panel.message.value == ""
    fill(page_settings, "the first")
    press(panel)
    assert all(map(is_shown, (panel.rows, panel.filters, panel.pager)))
    assert comments(panel) == ["the first"]


def test_feedback_is_shown_newest_first_with_counts_and_mean(
    open_panel: Open, page_settings: Settings
) -> None:
    fill(page_settings, "first", "second", "third")
    fill(page_settings, "poor", rating=1)
    panel = open_panel()
    assert comments(panel) == ["third", "second", "poor", "first"]
    assert next(iter(panel.rows.grid.data["Time (UTC)"])) == "2026-11-23 12:02:00"
    assert "<strong>4</strong> in all, mean rating <strong>3.2</strong>" in panel.figures.value
    assert "1: 1 · 2: 0 · 3: 0 · 4: 3 · 5: 0" in panel.figures.value.replace("&nbsp;", " ")
    assert "Rows 1–4 of 4" in panel.place.value
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
    panel = open_panel()
    expected = (
        *("2026-11-23 12:00:00", 2, script, "cat", "lynx", "a cat", "a lynx", "cat.jpg"),
        "x/clip, y/blip",
    )
    assert list(panel.rows.grid.data.columns) == list(WIDTHS)
    assert tuple(panel.rows.grid.data.iloc[0]) == expected
    panel.as_table.value = True
    assert panel.rows.table.rows == [list(map(str, expected))]
    assert is_shown(panel.rows.table)
    assert not is_shown(panel.rows.grid)


def test_what_this_page_saves_appears_by_itself(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    panel = open_panel()
    fill(page_settings, "mine")
    state.saved += 1
    wait_until(lambda: comments(panel) == ["mine"])
    settle(panel)
    assert is_shown(panel.rows)


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


def test_what_is_overtaken_is_not_shown_and_what_comes_is_announced(
    open_panel: Open, page_settings: Settings, state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(page_settings, "a cat", "a dog")
    panel = open_panel()
    assert 'aria-busy="false"' in panel.place.value
    go, page, asked = threading.Event(), CsvStore.page, []

    def slow_for_cats(store: CsvStore, query: Any, *rest: int) -> Any:
        asked.append(query.text)
        if query.text != "dog":
            go.wait()
        return page(store, query, *rest)

    monkeypatch.setattr(CsvStore, "page", slow_for_cats)
    background = threading.active_count()
    panel.filters.search.value = "cat"
    assert 'aria-busy="true"' in panel.place.value
    panel.filters.search.value = "dog"
    wait_until(lambda: comments(panel) == ["a dog"])
    for n in range(20):
        panel.filters.search.value = f"wish {n}"
    panel.filters.search.value = "dog"
    go.set()
    wait_until(lambda: threading.active_count() <= background)
    assert comments(panel) == ["a dog"]
    assert len(asked) < 10, "what was overtaken before its turn is not even asked"
    assert state.error == ""


def test_any_comment_can_be_sent_to_a_page(open_panel: Open, page_settings: Settings) -> None:
    long = "x" * 100_000
    fill(page_settings, "half \ud83d an emoji", long, "two\n lines\x00")
    panel = open_panel()
    json_packer(panel.rows.grid.get_state())
    assert comments(panel) == [
        "two lines\x00",
        "x" * MOST_CHARACTERS + "…",
        "half ? an emoji",
    ]


def test_the_grid_has_the_colours_of_the_theme(
    open_panel: Open, page_settings: Settings, state: AppState
) -> None:
    fill(page_settings, "seen by night")
    panel = open_panel()
    for dark, theme in ((False, LIGHT), (True, DARK)):
        state.dark = dark
        style, heads = panel.rows.grid.grid_style, panel.rows.grid.header_renderer
        assert heads.text_color == panel.rows.grid.default_renderer.text_color == theme.ink
        assert style["header_background_color"] == style["background_color"] == theme.surface


def test_the_grid_needs_no_expressions(open_panel: Open, page_settings: Settings) -> None:
    """What the policy of the page refuses to compile would leave the grid without colours."""
    from ipydatagrid import VegaExpr

    from imgcap.widgets.page import parts

    fill(page_settings, "plain")
    assert not [part for part in parts(open_panel()) if isinstance(part, VegaExpr)]
