import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from imgcap.charts import NOTHING_YET
from imgcap.inference import Classification, Description, Prediction
from imgcap.settings import Settings
from imgcap.widgets.chart import ChartPanel
from imgcap.widgets.gatherer import COMPARING, NOT_COMPARED
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState


def described(**scores: float) -> Description:
    predictions = tuple(Prediction(label, score) for label, score in scores.items())
    classification = Classification(predictions, independent=False, model="fake", ms=1.0)
    return Description("a.jpg", "a", 1, 1, classification)


def picture(name: str) -> Shown:
    return Shown(name, f"{name}.jpg", 1, 1, "JPEG", 1, b"", b"")


class Told:
    """Knows only what the state was told of the picture on screen."""

    def __init__(self, state: AppState) -> None:
        self._state = state

    def description(self, picture_id: str) -> Description | None:
        return self._state.description if picture_id == self._state.selected else None


CAT = described(cat=0.7, dog=0.3)


@pytest.fixture
def state(tmp_path: Path) -> AppState:
    state = AppState(
        Settings(log=tmp_path / "log.txt", feedback=f"csv:{tmp_path / 'feedback.csv'}")
    )
    state.add(picture("a"))
    state.statuses = {"a": "done"}
    return state


@pytest.fixture
def panel(state: AppState) -> ChartPanel:
    return ChartPanel(state, Told(state))


def visible(panel: ChartPanel) -> list[Any]:
    return [trace for trace in panel.figure.data if trace.visible]


def updates(panel: ChartPanel) -> list[Any]:
    """Collect what is sent to views that are open."""
    sent: list[Any] = []
    panel.figure.observe(
        lambda change: change["new"] and sent.append(change["new"]), "_py2js_update"
    )
    return sent


def test_the_panel_is_complete_when_it_is_built(state: AppState) -> None:
    state.description, state.chart_kind, state.dark = CAT, "line", True
    panel = ChartPanel(state, Told(state))
    assert [trace.type for trace in visible(panel)] == ["scatter"]
    assert list(visible(panel)[0].y) == [70, 30]
    assert panel.kind.label == "Line"
    assert {"imgcap-card", "imgcap-chart"} <= set(panel._dom_classes)


def sentence(panel: ChartPanel) -> str:
    return panel.figure.layout.annotations[0].text.replace("<br>", " ")


def test_what_is_missing_is_said(state: AppState, panel: ChartPanel) -> None:
    assert sentence(panel) == NOT_COMPARED
    state.statuses = {"a": "waiting"}
    assert sentence(panel) == COMPARING
    state.remove("a")
    assert sentence(panel) == NOTHING_YET
    assert not panel.figure.layout.xaxis.visible


def test_the_card_has_a_heading(panel: ChartPanel) -> None:
    assert panel.children[0].value == "<h2>How sure it is</h2>"


def test_the_chart_of_another_picture_is_never_seen(state: AppState, panel: ChartPanel) -> None:
    state.description = CAT
    stage, place = panel.stage, panel.children[-1]
    told: list[tuple[str, str, str]] = []
    heard(place, lambda: told.append(("drawn", place.drawn, stage.picture_id)))
    panel.figure.observe(
        lambda change: change["new"] and told.append(("figure", place.drawn, stage.picture_id)),
        "_py2js_update",
    )
    heard(stage, lambda: told.append(("stage", place.drawn, stage.picture_id)))
    state.add(picture("b"))
    assert [what for what, *_ in told] == ["drawn", "figure", "stage"], "hidden, drawn, shown"
    assert told[-1][1:] == ("b", "b")


def heard(widget: Any, tell: Callable[[], object]) -> None:
    """Call when a widget tells the page of a change."""
    send = widget.send_state

    def spy(key: Any = None) -> None:
        if key:
            tell()
        send(key)

    widget.send_state = spy


def test_the_old_chart_stays_until_the_new_one_is_there(state: AppState, panel: ChartPanel) -> None:
    state.description = CAT
    assert (panel.stage.old, panel.stage.busy) == (False, False)
    with state.hold_trait_notifications():
        state.statuses, state.description = {"a": "waiting"}, None
    assert list(visible(panel)[0].x) == [70, 30]
    assert (panel.stage.old, panel.stage.busy) == (True, True)
    with state.hold_trait_notifications():
        state.statuses, state.description = {"a": "done"}, described(teapot=1.0)
    assert list(visible(panel)[0].x) == [100]
    assert (panel.stage.old, panel.stage.busy) == (False, False)


def test_a_description_is_drawn_and_taken_away_again(state: AppState, panel: ChartPanel) -> None:
    state.description = CAT
    assert list(visible(panel)[0].x) == [70, 30]
    assert panel.figure.layout.annotations == ()
    assert panel.figure.layout.xaxis.visible
    state.description = None
    assert not visible(panel)[0].x
    assert len(panel.figure.layout.annotations) == 1


def test_the_dropdown_changes_the_marks_of_the_one_figure(
    state: AppState, panel: ChartPanel
) -> None:
    state.description = CAT
    figure, types = panel.figure, []
    for _name, key in panel.kind.options[:3]:
        panel.kind.value = key
        assert state.chart_kind == key
        (trace,) = visible(panel)
        types.append(trace.type)
    assert types == ["bar", "pie", "scatter"]
    assert panel.figure is figure
    assert panel.children[1] is panel.kind
    assert [box.children for box in panel.children[2].children] == [(figure,)]


def test_the_dropdown_follows_the_state(state: AppState, panel: ChartPanel) -> None:
    state.chart_kind = "pie"
    assert panel.kind.label == "Pie"


def test_top_and_theme_redraw(state: AppState, panel: ChartPanel) -> None:
    state.description = described(cat=0.5, dog=0.3, owl=0.2)
    state.top = 1
    assert list(visible(panel)[0].x) == [50, 50]
    light = panel.figure.layout.font.color
    state.dark = True
    assert panel.figure.layout.font.color != light


def test_a_change_is_one_message_to_the_page(state: AppState, panel: ChartPanel) -> None:
    sent = updates(panel)
    state.description = CAT
    assert len(sent) == 1
    state.chart_kind = "pie"
    assert len(sent) == 2


def test_a_view_that_opens_after_a_change_shows_it(state: AppState, panel: ChartPanel) -> None:
    state.description = CAT
    state.chart_kind = "pie"
    start = panel.figure.get_state(["_widget_data", "_widget_layout"])
    shown = [trace for trace in start["_widget_data"] if trace["visible"]]
    assert [(trace["type"], trace["values"]) for trace in shown] == [("pie", [0.7, 0.3])]
    assert [trace["uid"] for trace in start["_widget_data"]] == [t.uid for t in panel.figure.data]
    assert "annotations" not in start["_widget_layout"], "the sentence of an empty chart"


def test_the_figure_keeps_up_with_what_a_visitor_did_to_it(
    state: AppState, panel: ChartPanel
) -> None:
    state.description = CAT
    panel.figure.layout.xaxis.range = [10, 20]  # as a view reports a zoom
    state.dark = True
    assert tuple(panel.figure.layout.xaxis.range) == (0, 100)


def test_descriptions_from_threads_end_with_the_last(state: AppState, panel: ChartPanel) -> None:
    def work(place: int) -> None:
        with state.lock:
            state.description = described(cat=place / 10, dog=1 - place / 10)

    threads = [threading.Thread(target=work, args=(place,)) for place in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert state.description is not None
    expected = [100 * prediction.score for prediction in state.description.predictions]
    assert list(visible(panel)[0].x) == pytest.approx(expected)
    assert state.error == ""


def test_nothing_offers_an_upload_and_the_picture_can_be_kept(panel: ChartPanel) -> None:
    config = panel.figure.get_state(["_config"])["_config"]
    assert config["showSendToCloud"] is False
    assert config["displaylogo"] is False
    assert config["modeBarButtons"] == [["toImage"]]
    assert config["typesetMath"] is False
