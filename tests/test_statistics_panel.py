import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.session import json_packer

from imgcap.charts import DARK, LIGHT
from imgcap.charts.statistics import NO_FEEDBACK, STATISTICS_KINDS
from imgcap.feedback import FeedbackRecord, Outline, open_store
from imgcap.feedback.csv import CsvStore
from imgcap.inference import Prediction
from imgcap.settings import Settings
from imgcap.widgets import statistics
from imgcap.widgets.state import AppState
from imgcap.widgets.statistics import COUNTING, NOT_COUNTED, StatisticsPanel
from tests.pages import wait_until

SCRIPT = "<script>alert(1)</script>"
Open = Callable[[], StatisticsPanel]


@pytest.fixture
def open_panel(state: AppState) -> Open:
    """Return a function that builds the panel, opens its fold and waits for its figures."""

    def build() -> StatisticsPanel:
        panel = StatisticsPanel(state)
        unfold(panel)
        settle(panel)
        return panel

    return build


def unfold(panel: StatisticsPanel, *, is_open: bool = True) -> None:
    panel.fold.button.set_state({"is_open": is_open})


def settle(panel: StatisticsPanel) -> None:
    wait_until(lambda: not panel.refresh.disabled)


def judged(label: str, right: str = "", rating: int = 4) -> FeedbackRecord:
    predictions = (Prediction(label, 0.8),)
    return FeedbackRecord(rating=rating, predictions=predictions, corrected_label=right)


def store(settings: Settings, *records: FeedbackRecord) -> None:
    open_store(settings).extend(records)


def visible(panel: StatisticsPanel) -> list[Any]:
    assert panel.figure is not None
    return [trace for trace in panel.figure.data if trace.visible]


def sentence(panel: StatisticsPanel) -> str:
    assert panel.figure is not None
    return panel.figure.layout.annotations[0].text.replace("<br>", " ")


def test_a_closed_fold_costs_nothing(
    state: AppState, page_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = count_calls(monkeypatch)
    store(page_settings, judged("cat"))
    panel = StatisticsPanel(state)
    state.saved += 1
    state.dark = True
    assert panel.figure is None
    assert panel.fold.body.children == ()
    assert counted == []
    assert panel.children[0].value == "<h2>How good the models have been</h2>"


def count_calls(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """Return a list that grows each time the store's feedback is counted."""
    calls: list[None] = []
    outline = CsvStore.outline

    def spy(self: CsvStore) -> Iterator[Outline]:
        calls.append(None)
        return outline(self)

    monkeypatch.setattr(CsvStore, "outline", spy)
    return calls


def test_an_opened_fold_shows_figures_chart_and_table(
    open_panel: Open, page_settings: Settings
) -> None:
    store(page_settings, judged("cat", "cat", 5), judged("cat", "CAT", 5), judged("cat", "lynx", 2))
    panel = open_panel()
    assert "<strong>3</strong> ratings, <strong>4.0</strong> of 5" in panel.figures.value
    assert "<strong>66.7\xa0%</strong> of 3 judged labels were right" in panel.figures.value
    assert "95\xa0% interval 21\xa0% to 94\xa0%" in panel.figures.value
    assert "No captions were judged right or wrong yet." in panel.figures.value
    assert statistics.BIAS in panel.figures.value
    assert [trace.type for trace in visible(panel)] == ["bar"] * 5 + ["scatter"]
    assert list(visible(panel)[-1].y) == [4]
    assert panel.table.value.count("<tr>") == 2
    assert panel.message.value == ""


def test_without_feedback_it_says_so(open_panel: Open) -> None:
    panel = open_panel()
    assert "No feedback yet" in panel.figures.value
    assert statistics.BIAS not in panel.figures.value
    assert sentence(panel) == NO_FEEDBACK
    assert "There is nothing to tell yet." in panel.table.value


def test_the_dropdown_changes_chart_and_table_in_place(
    open_panel: Open, page_settings: Settings
) -> None:
    store(page_settings, judged("cat", "lynx"))
    panel = open_panel()
    figure, seen = panel.figure, []
    for name, key in panel.kind.options:
        panel.kind.value = key
        seen.append([trace.type for trace in visible(panel)])
        assert f'aria-label="{name}"' in panel.table.value or "nothing to tell" in panel.table.value
    assert panel.figure is figure
    bars = ["bar", "scatter"]
    assert seen == [["bar"] * 5 + ["scatter"], bars, bars, ["scatter"] * 2, ["heatmap"]]
    assert "<td>lynx</td>" in panel.table.value


def test_a_chart_leaves_nothing_behind_in_the_next(
    open_panel: Open, page_settings: Settings
) -> None:
    store(page_settings, judged("cat", "lynx"), judged("dog"))
    panel = open_panel()
    assert panel.figure is not None
    looks: dict[str, dict[str, Any]] = {}
    for key in (*STATISTICS_KINDS, *reversed(STATISTICS_KINDS)):
        panel.kind.value = key
        look = dict(leaves(panel.figure.layout.to_plotly_json()))
        assert looks.setdefault(key, look) == look


def leaves(tree: dict[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{path}.{name}")
        elif value not in (None, [], ()):
            yield f"{path}.{name}", value


def test_what_this_page_saves_is_counted_at_once(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    panel = open_panel()
    store(page_settings, judged("cat", rating=1))
    state.saved += 1
    settle(panel)
    assert "<strong>1</strong> rating," in panel.figures.value
    assert list(visible(panel)[0].y) == [1]


def test_what_was_saved_behind_a_closed_fold_is_counted_when_it_opens(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    panel = open_panel()
    unfold(panel, is_open=False)
    store(page_settings, judged("cat"))
    state.saved += 1
    assert not panel.refresh.disabled
    unfold(panel)
    settle(panel)
    assert "<strong>1</strong> rating," in panel.figures.value


def test_what_others_save_is_counted_on_refresh(open_panel: Open, page_settings: Settings) -> None:
    panel = open_panel()
    store(page_settings, judged("cat"), judged("dog"))
    panel.refresh.click()
    settle(panel)
    assert "<strong>2</strong> ratings" in panel.figures.value


def test_one_count_at_a_time_and_the_last_one_knows_all(
    state: AppState, page_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted = count_calls(monkeypatch)
    go, outline = threading.Event(), CsvStore.outline

    def slow(self: CsvStore) -> Iterator[Outline]:
        found = list(outline(self))
        go.wait()
        return iter(found)

    monkeypatch.setattr(CsvStore, "outline", slow)
    panel = StatisticsPanel(state)
    unfold(panel)
    assert sentence(panel) == COUNTING
    assert COUNTING in panel.message.value
    for _ in range(5):
        store(page_settings, judged("cat"))
        state.saved += 1
    go.set()
    wait_until(lambda: "<strong>5</strong>" in panel.figures.value)
    settle(panel)
    assert len(counted) == 2
    assert panel.message.value == ""


def test_a_store_that_cannot_be_read_is_a_sentence_and_can_be_tried_again(
    open_panel: Open, state: AppState, page_settings: Settings
) -> None:
    file = Path(page_settings.feedback.removeprefix("csv:"))
    file.mkdir()
    panel = open_panel()
    assert 'role="alert"' in panel.message.value
    assert "is no file that feedback could be kept in" in panel.message.value
    assert sentence(panel) == NOT_COUNTED
    file.rmdir()
    store(page_settings, judged("cat"))
    panel.refresh.click()
    settle(panel)
    assert "<strong>1</strong> rating," in panel.figures.value
    assert panel.message.value == ""
    assert state.error == ""


def test_figures_outlive_a_store_that_goes_away(open_panel: Open, page_settings: Settings) -> None:
    store(page_settings, judged("cat"))
    panel = open_panel()
    file = Path(page_settings.feedback.removeprefix("csv:"))
    file.unlink()
    file.mkdir()
    panel.refresh.click()
    wait_until(lambda: "alert" in panel.message.value)
    assert "<strong>1</strong> rating," in panel.figures.value
    assert list(visible(panel)[-1].y) == [4]


def test_the_theme_is_the_pages(open_panel: Open, state: AppState) -> None:
    panel = open_panel()
    assert panel.figure is not None
    assert panel.figure.layout.font.color == LIGHT.ink
    state.dark = True
    assert panel.figure.layout.font.color == DARK.ink


def test_what_people_wrote_is_text_and_can_be_sent(
    open_panel: Open, page_settings: Settings
) -> None:
    store(page_settings, judged(SCRIPT, "half \ud83d an emoji"), judged("$x$", SCRIPT))
    panel = open_panel()
    for key in STATISTICS_KINDS:
        panel.kind.value = key
        json_packer(panel.figure.get_state())
        json_packer(panel.table.get_state())
        assert "<script" not in panel.table.value
    assert f"<td>{SCRIPT.replace('<', '&lt;').replace('>', '&gt;')}</td>" in panel.table.value


def test_a_long_table_says_how_much_is_left_out(
    open_panel: Open, page_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statistics, "MOST_ROWS", 3)
    store(page_settings, *(judged(f"label {n}") for n in range(10)))
    panel = open_panel()
    panel.kind.value = "labels"
    assert panel.table.value.count("<tr>") == 4
    assert "… and 7 more." in panel.table.value
