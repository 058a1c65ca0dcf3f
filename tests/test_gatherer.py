import time
from collections.abc import Callable
from typing import Any

import pytest

from imgcap.charts import Embeddings, ScoreTable
from imgcap.edits import Turn
from imgcap.inference import ClassifyOptions, EngineError
from imgcap.labels import ENSEMBLE_TEMPLATES
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.chart import ChartPanel
from imgcap.widgets.gatherer import AVERAGED, COMPARING, STOPPED, TOO_FEW
from imgcap.widgets.state import AppState
from tests.fake_answers import scored
from tests.fakes import HeldEngine
from tests.pages import bring, download, wait_until


@pytest.fixture
def panel(state: AppState, analyst: Analyst) -> ChartPanel:
    return ChartPanel(state, analyst)


def visible(panel: ChartPanel) -> list[Any]:
    return [trace for trace in panel.figure.data if trace.visible]


def sentence(panel: ChartPanel) -> str:
    notes = panel.figure.layout.annotations
    return notes[0].text.replace("<br>", " ") if notes else ""


def drawn(panel: ChartPanel, kind: type, rows: int) -> Callable[[], bool]:
    def is_so() -> bool:
        with panel._state.lock:  # it is drawn, not only there
            data = panel._data
        table = data.table if isinstance(data, Embeddings) else data
        return isinstance(data, kind) and len(table.rows) == rows

    return is_so


def filled(tree: Any) -> Any:
    """Return settings without those that have been emptied; plotly takes both alike."""
    if not isinstance(tree, dict):
        return tree
    found = {name: filled(value) for name, value in tree.items()}
    return {name: value for name, value in found.items() if value not in ({}, [], None)}


def there(panel: ChartPanel) -> bool:
    with panel._state.lock:
        return panel._data is not None


def test_all_pictures_are_drawn_with_the_scores_of_each(state: AppState, panel: ChartPanel) -> None:
    panel.kind.value = "pictures"
    assert sentence(panel) == TOO_FEW
    one, two = bring(state, "one.png", "two.png")
    wait_until(drawn(panel, ScoreTable, 2), "both are drawn")
    [heat] = visible(panel)
    for row, shown in zip(heat.hovertext, (one, two), strict=True):
        for prediction in scored(shown.id, state.labels):
            said = [t for t in row if t.split("<br>")[:2] == [shown.name, prediction.label]]
            assert not said or f"{100 * prediction.score:.3f}\xa0%" in said[0]
    bring(state, "three.png")
    wait_until(drawn(panel, ScoreTable, 3), "the next one joins")
    state.remove(one.id)
    wait_until(drawn(panel, ScoreTable, 2), "and one leaves")
    state.remove(two.id)
    assert sentence(panel) == TOO_FEW
    assert state.error == ""


def test_a_chart_of_all_pictures_stays_when_another_comes_on_screen(
    state: AppState, panel: ChartPanel
) -> None:
    panel.kind.value = "pictures"
    one, _two = bring(state, "one.png", "two.png")
    wait_until(drawn(panel, ScoreTable, 2))
    before = visible(panel)[0].z
    state.selected = one.id
    assert "imgcap-of-all" in panel._dom_classes
    assert visible(panel)[0].z == before
    panel.kind.value = "bar"
    assert "imgcap-of-all" not in panel._dom_classes


def test_another_question_draws_other_scores(state: AppState, panel: ChartPanel) -> None:
    panel.kind.value = "pictures"
    bring(state, "one.png", "two.png")
    wait_until(drawn(panel, ScoreTable, 2))
    state.labels = ("teapot", "kite")
    wait_until(lambda: there(panel) and panel._data.labels[0] in state.labels, "new labels")
    assert set(panel.figure.layout.xaxis.ticktext) == {"teapot", "kite"}


def test_each_prompt_is_asked_by_itself_and_all_averaged(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    state.classify_options = ClassifyOptions(templates=("an etching of {}",))
    panel.kind.value = "prompts"
    [shown] = bring(state, "one.png")
    wait_until(drawn(panel, ScoreTable, 7), "five usual prompts, one's own, and all averaged")
    asked = [question[1].templates for step, _, question in engine.done if step == "classify"]
    every = ("an etching of {}", *ENSEMBLE_TEMPLATES)
    assert set(asked) == {*((one,) for one in every), every}
    assert panel._data.rows == (*(t.replace("{}", "…") for t in every), AVERAGED)
    state.selected = bring(state, "two.png")[0].id
    assert panel._place.drawn == state.selected
    assert panel._data is None, "what is shown is never about another picture"
    wait_until(drawn(panel, ScoreTable, 7))
    assert shown.id != state.selected


def test_pictures_and_labels_are_placed_once(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    panel.kind.value = "space"
    bring(state, "one.png", "two.png")
    wait_until(drawn(panel, Embeddings, 2))
    bring(state, "three.png")
    wait_until(drawn(panel, Embeddings, 3))
    asked = [name for step, name, _ in engine.done if step == "embed"]
    assert sorted(asked) == ["one.png", "three.png", "two.png"], "none is opened twice"
    pictures, named, others = visible(panel)
    assert len(pictures.x) == 3
    assert len(named.x) + len(others.x) == len(state.labels)


def test_what_takes_long_shows_progress_and_can_be_stopped_and_taken_up(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    bring(state, "one.png", "two.png")
    panel.kind.value = "pictures"
    wait_until(drawn(panel, ScoreTable, 2))
    wait_until(lambda: set(state.statuses.values()) == {"done"})
    with engine.held():
        panel.kind.value = "space"
        wait_until(lambda: ("embed", "one.png", None) in engine.begun)
        assert sentence(panel).startswith("Finding the places")
        assert panel.waiting.layout.display is None, "stop is offered from the start"
        panel.stop.click()
        wait_until(lambda: sentence(panel) == STOPPED)
    assert panel.again.layout.display is None
    assert panel.waiting.layout.display == "none"
    panel.again.click()
    wait_until(drawn(panel, Embeddings, 2))
    assert panel.again.layout.display == "none"
    assert state.error == ""


def test_a_failure_is_one_sentence_and_can_be_tried_again(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    engine.problems["embed one.png"] = EngineError("This model gives no embeddings.")
    bring(state, "one.png", "two.png")
    panel.kind.value = "space"
    wait_until(lambda: sentence(panel) == "This model gives no embeddings.")
    engine.problems.clear()
    panel.again.click()
    wait_until(drawn(panel, Embeddings, 2))


def test_nothing_is_fetched_for_a_chart_that_nobody_chose(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    bring(state, "one.png", "two.png")
    wait_until(lambda: set(state.statuses.values()) == {"done"})
    time.sleep(0.1)
    assert {step for step, *_ in engine.begun} == {"classify", "caption"}
    assert panel._data is not None


def test_a_fetch_for_a_removed_picture_is_broken_off_without_a_word(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    one, _two, _three = bring(state, "one.png", "two.png", "three.png")
    panel.kind.value = "pictures"
    wait_until(drawn(panel, ScoreTable, 3))
    wait_until(lambda: set(state.statuses.values()) == {"done"})
    with engine.held():
        panel.kind.value = "space"
        wait_until(lambda: ("embed", "one.png", None) in engine.begun)
        state.remove(one.id)
    wait_until(drawn(panel, Embeddings, 2))
    assert state.error == ""


def test_all_kinds_twice_leave_nothing_of_each_other(state: AppState, panel: ChartPanel) -> None:
    bring(state, "one.png", "two.png")
    wait_until(lambda: set(state.statuses.values()) == {"done"})
    first: dict[str, Any] = {}
    for round_ in range(2):
        for _name, key in panel.kind.options:
            panel.kind.value = key
            wait_until(lambda: there(panel))
            layout = filled(panel.figure.layout.to_plotly_json())
            shown = [filled(trace.to_plotly_json()) for trace in visible(panel)]
            hidden = [trace for trace in panel.figure.data if not trace.visible]
            assert not any(
                len(trace[axis] or ()) for trace in hidden for axis in "xyz" if axis in trace
            )
            [seen] = [box.children for box in panel.children[2].children if not box._dom_classes]
            assert seen == (panel.figure,)
            assert ("scene" in layout) == (key in {"bars", "space"})
            if round_ == 0:
                first[key] = (layout, shown)
            else:
                assert (layout, shown) == first[key]


def test_the_slider_turns_a_chart_in_space_and_a_hand_turned_one_stays_so(
    state: AppState, panel: ChartPanel
) -> None:
    bring(state, "one.png", "two.png")
    assert panel.turn.layout.display == "none"
    panel.kind.value = "bars"
    wait_until(drawn(panel, ScoreTable, 2))
    assert panel.turn.layout.display is None
    panel.turn.value = 0
    eye = panel.figure.layout.scene.camera.eye
    assert (eye.x > 1, eye.y) == (True, 0)
    assert panel.figure.layout.scene.camera.center.z < 0
    panel.figure.layout.scene.camera.eye = {"x": 0.5, "y": 0.6, "z": 0.7}  # as a view reports it
    state.dark = True
    assert panel.figure.layout.scene.camera.eye.y == 0.6
    panel.kind.value = "bar"
    assert "scene" not in panel.figure.layout.to_plotly_json()


def test_the_table_follows_the_chart(state: AppState, panel: ChartPanel) -> None:
    state.labels = ("<b>cat</b>", "dog")
    bring(state, "one.png", "two.png")
    assert panel.fold.layout.display == "none", "the result has a table of its own"
    panel.kind.value = "pictures"
    wait_until(drawn(panel, ScoreTable, 2))
    panel.fold.button.is_open = True
    assert "&lt;b&gt;cat&lt;/b&gt;" in panel.table.value
    assert panel.table.value.count("<tr>") == 3


def test_every_kind_is_kept_as_a_page_of_its_own(state: AppState, panel: ChartPanel) -> None:
    state.labels = ("</script><script>alert(1)</script>", "dog")
    bring(state, "one.png", "two.png")
    assert panel.downloads.layout.display == "none" or panel._data
    for kind in ("bar", "pictures", "space"):
        panel.kind.value = kind
        wait_until(lambda: there(panel))
        page = download(panel.html).decode()
        assert "alert(1)" in page
        assert "<script>alert(1)" not in page
        assert len(page) > 3_000_000, "plotly is in it"
        assert not [
            line for line in page.splitlines() if "<script" in line and "src=" in line[:200]
        ]


def test_the_picture_on_screen_is_compared_first(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    panel.kind.value = "prompts"
    with engine.held():
        bring(state, "one.png")
        wait_until(lambda: engine.begun)
        assert sentence(panel) == COMPARING


def test_an_edited_picture_is_placed_anew(
    state: AppState, panel: ChartPanel, engine: HeldEngine
) -> None:
    one, _two = bring(state, "one.png", "two.png")
    panel.kind.value = "space"
    wait_until(drawn(panel, Embeddings, 2))
    state.edit(one.id, (Turn(1),), pytest.fail)
    wait_until(lambda: [n for s, n, _ in engine.done if s == "embed"].count("one.png") == 2)
