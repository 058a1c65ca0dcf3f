"""The panel that shows where an answer comes from, and the maps and words it is made of."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from imgcap.inference import EngineError, Relevance, WordRelevance, open_engine
from imgcap.inference.relevance import WHOLE
from imgcap.overlay import AGAINST, AREAS, FOR, UNSEEN, WORD, blended, coloured, strongest, where
from imgcap.settings import Settings
from imgcap.widgets import Analyst, AppState, ExplainPanel
from imgcap.widgets.explain import (
    LABEL,
    LOOKING,
    NO_PICTURE,
    WORD_OF_CAPTION,
)
from imgcap.widgets.map_words import NOWHERE, legend, note, told
from tests.conftest import BuildCheckpoint
from tests.fakes import HeldEngine
from tests.pages import bring, download, wait_until
from tests.picture_files import encode, quarters

HUB_TYPES = {"classifier": "clip", "captioner": "blip"}
SCRIPT = "<script>alert(1)</script>"


def one_cell(row: int, column: int, value: float = 1) -> np.ndarray:
    grid = np.zeros((3, 3), np.float32)
    grid[row, column] = value
    return grid


def relevance(grid: np.ndarray, **facts: object) -> Relevance:
    return Relevance(
        grid, **{"label": "cat", "score": 0.5, "method": "m", "model": "x", "ms": 1.0} | facts
    )


@pytest.fixture
def panel(state: AppState, analyst: Analyst) -> ExplainPanel:  # noqa: ARG001  # works
    return ExplainPanel(state)


def unfold(panel: ExplainPanel, *, is_open: bool = True) -> None:
    panel.fold.button.set_state({"is_open": is_open})


def mapped(panel: ExplainPanel) -> bytes:
    wait_until(lambda: panel.picture.over, "the map is there")
    return panel.picture.over


def asked(engine: HeldEngine, step: str) -> list[tuple[str, object]]:
    return [(name, question) for done, name, question in engine.begun if done == step]


def test_a_cell_is_named_by_where_it_lies() -> None:
    for place, area in enumerate(AREAS):
        assert strongest(one_cell(*divmod(place, 3)), WHOLE) == (area,)


def test_more_places_are_named_strongest_first_and_everywhere_is_said_so() -> None:
    grid = one_cell(0, 0) + one_cell(2, 2, 0.9) + one_cell(1, 1, 0.3)
    assert where(grid, WHOLE) == "upper left and lower right"
    assert where(np.ones((7, 7), np.float32), WHOLE) == "everywhere alike"
    assert where(-np.ones((7, 7), np.float32), WHOLE) == ""


def test_places_are_those_of_the_picture_and_not_of_the_part_that_was_seen() -> None:
    only_middle = (1 / 3, 0.0, 2 / 3, 1.0)
    assert strongest(one_cell(0, 0), only_middle) == ("upper middle",)


def test_signs_have_colours_and_strength_is_opacity() -> None:
    grid = one_cell(0, 0, 4) + one_cell(2, 2, -2)
    over = coloured(grid, WHOLE, (90, 60), FOR, AGAINST)
    assert over.size == (90, 60)
    assert over.getpixel((2, 2)) == (*FOR, 255)
    assert over.getpixel((87, 57))[:3] == AGAINST
    assert over.getpixel((87, 57))[3] == pytest.approx(128, abs=2)
    assert over.getpixel((2, 57))[3] == 0


def test_a_map_of_nothing_hides_nothing() -> None:
    over = coloured(np.zeros((7, 7), np.float32), WHOLE, (20, 20), FOR, AGAINST)
    assert over.getchannel("A").getextrema() == (0, 0)


def test_what_the_model_did_not_see_is_striped() -> None:
    over = coloured(one_cell(1, 1), (0.25, 0.0, 0.75, 1.0), (80, 40), FOR, AGAINST)
    left = {over.getpixel((x, 20)) for x in range(20)}
    assert left == {(*UNSEEN, 64), (*UNSEEN, 255)}
    assert over.getpixel((40, 20))[:3] == FOR


@pytest.mark.parametrize(("opacity", "seen"), [(0, (200, 40, 40)), (1, FOR)])
def test_the_download_is_blended_as_on_the_page(opacity: float, seen: tuple[int, ...]) -> None:
    picture = Image.new("RGB", (3, 3), (200, 40, 40))
    kept = blended(picture, Image.new("RGBA", (3, 3), (*FOR, 255)), opacity)
    assert kept.getpixel((1, 1)) == seen


def test_words_say_what_speaks_for_it_and_what_against() -> None:
    signed = relevance(one_cell(0, 0) + one_cell(2, 1, -1))
    assert told(signed, 0) == (
        "Speaks for it most: upper left. Speaks against it most: lower middle."
    )
    hardly = relevance(one_cell(1, 1) + one_cell(2, 1, -0.05))
    assert "against" not in told(hardly, 0)
    assert told(relevance(one_cell(1, 1)), 0) == "Speaks for it most: centre."
    assert told(relevance(one_cell(1, 1, 0)), 0) == NOWHERE
    assert "against" in legend(signed)
    assert "against" not in legend(relevance(one_cell(1, 1)))


def test_the_note_names_method_model_and_what_was_not_seen() -> None:
    whole = note(relevance(one_cell(0, 0), method="a way", model=f"a{SCRIPT}"), 0)
    assert "A way by a&lt;script&gt;" in whole
    assert "<script" not in whole
    assert "not why" in whole
    assert "striped" not in whole
    assert "striped" in note(relevance(one_cell(0, 0), box=(0.1, 0, 0.9, 1)), 0)


def test_nothing_is_built_or_asked_before_the_panel_is_opened(
    state: AppState, panel: ExplainPanel, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    wait_until(lambda: state.statuses.get(state.selected) == "done")
    assert panel.fold.body.children == ()
    assert asked(engine, "explain_label") == []
    unfold(panel)
    mapped(panel)
    assert len(asked(engine, "explain_label")) == 1


def test_without_a_picture_it_says_what_it_is_for(state: AppState, panel: ExplainPanel) -> None:
    unfold(panel)
    assert NO_PICTURE in panel.message.value
    assert panel.picture.picture == b""
    bring(state, "a.png")
    mapped(panel)
    assert NO_PICTURE not in panel.message.value
    state.remove(state.selected)
    assert NO_PICTURE in panel.message.value
    assert panel.picture.picture == panel.picture.over == b""
    assert panel.told.value == ""


def test_the_top_label_comes_first_and_another_can_be_chosen(
    state: AppState, panel: ExplainPanel, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    unfold(panel)
    first = mapped(panel)
    labels = [prediction.label for prediction in state.description.predictions]
    assert [value for _, value in panel.label.options] == labels
    assert panel.label.value == labels[0]
    panel.label.value = labels[2]
    wait_until(lambda: panel.picture.over not in {b"", first})
    assert panel.picture.alt.startswith("a.png. Speaks for it most: ")
    assert panel.told.value.removeprefix("<span>").removesuffix("</span>") in panel.picture.alt
    panel.label.value = labels[0]
    assert panel.picture.over == first, "it was kept"
    assert [question[0] for _, question in asked(engine, "explain_label")] == [labels[0], labels[2]]


def test_a_chosen_label_stays_with_its_picture(state: AppState, panel: ExplainPanel) -> None:
    bring(state, "a.png")
    unfold(panel)
    mapped(panel)
    chosen = panel.label.options[1][1]
    panel.label.value = chosen
    state.labels = (chosen, "something else")
    wait_until(lambda: len(panel.label.options) == 2)
    assert panel.label.value == chosen
    bring(state, "b.png")
    wait_until(lambda: state.description)
    wait_until(lambda: panel.label.options)
    assert panel.label.value == state.description.predictions[0].label


def test_words_have_maps_and_one_question_answers_all(
    state: AppState, panel: ExplainPanel, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    unfold(panel)
    mapped(panel)
    panel.subject.set_state({"chosen": WORD_OF_CAPTION})
    wait_until(lambda: panel.word.options)
    assert panel.word.options == state.description.caption.split()
    longest = max(panel.word.options, key=len)
    assert panel.word.options[panel.word.chosen] == longest
    assert f"“{longest}”" in panel.picture.alt
    before = mapped(panel)
    panel.word.set_state({"chosen": 0})
    assert panel.picture.over not in {b"", before}
    assert f"“{panel.word.options[0]}”" in panel.told.value
    assert "places 70\xa0%, the concept “cat” 15\xa0%" in panel.note.value
    assert len(asked(engine, "explain_caption")) == 1
    panel.subject.set_state({"chosen": LABEL})
    assert panel.word.layout.display == "none"
    assert "Speaks for it most" in panel.told.value


def test_a_map_never_lies_over_another_picture(
    state: AppState, panel: ExplainPanel, engine: HeldEngine
) -> None:
    first, second = bring(state, "a.png", "b.png")
    state.selected = first.id
    unfold(panel)
    old = mapped(panel)
    wait_until(lambda: set(state.statuses.values()) == {"done"})
    with engine.held():
        state.selected = second.id
        assert panel.picture.picture == second.preview
        assert panel.picture.over == b""
        assert LOOKING in panel.message.value
        assert panel.told.value == ""
        assert panel.about.layout.display == "none"
        state.selected = first.id
        assert panel.picture.over == old
        wait_until(lambda: engine.broken_off, "the other is given up")
    assert panel.picture.picture == first.preview


def test_closing_the_fold_ends_the_work(
    state: AppState, panel: ExplainPanel, engine: HeldEngine
) -> None:
    bring(state, "a.png")
    wait_until(lambda: state.statuses.get(state.selected) == "done")
    with engine.held():
        unfold(panel)
        unfold(panel, is_open=False)
        wait_until(lambda: engine.broken_off)
    unfold(panel)
    mapped(panel)
    assert state.error == ""


def test_a_model_that_cannot_be_explained_is_a_sentence_and_can_be_tried_again(
    state: AppState, panel: ExplainPanel, engine: HeldEngine
) -> None:
    engine.problems["explain_label"] = EngineError(f"Labels by {SCRIPT} cannot be explained.")
    bring(state, "a.png")
    unfold(panel)
    wait_until(lambda: 'role="alert"' in panel.message.value)
    assert "&lt;script&gt;" in panel.message.value
    assert "<script" not in panel.message.value
    assert panel.picture.picture != b""
    assert panel.picture.over == b""
    assert len(asked(engine, "explain_label")) == 1
    engine.problems.clear()
    unfold(panel, is_open=False)
    unfold(panel)
    mapped(panel)
    assert panel.message.value == ""


def test_the_download_holds_picture_and_map_and_says_of_what(
    state: AppState, panel: ExplainPanel
) -> None:
    [shown] = bring(state, "a.png")
    unfold(panel)
    mapped(panel)
    panel.opacity.value = 100
    kept = Image.open(BytesIO(download(panel.png)))
    assert kept.size == (shown.width, shown.height)
    assert kept.text["Title"] == panel.label.value
    assert kept.text["Description"] in panel.told.value
    panel.opacity.value = 0
    plain = Image.open(BytesIO(download(panel.png)))
    preview = Image.open(BytesIO(shown.preview))
    assert plain.tobytes() == preview.tobytes()
    assert kept.tobytes() != plain.tobytes()


def test_a_word_answer_without_shares_says_nothing_of_them() -> None:
    maps = np.stack([one_cell(0, 2)])
    answer = WordRelevance(("cat",), maps, "m", "x", 1.0)
    assert told(answer, 0) == "Matters most to “cat”: upper right."
    assert "Read from" not in note(answer, 0)


def test_clip_and_blip_are_explained_as_the_embedded_models_are(
    page_settings: Settings, checkpoint: BuildCheckpoint
) -> None:
    models = {role: str(checkpoint(kind)) for role, kind in HUB_TYPES.items()}
    settings = page_settings.model_copy(update=models | {"dtype": "float32", "device": "cpu"})
    state = AppState(settings, open_engine(settings))
    analyst = Analyst(state)
    try:
        panel = ExplainPanel(state)
        wide = Image.new("RGB", (120, 60), "navy")
        wide.paste(quarters().resize((60, 60)), (30, 0))
        state.add(state.shelf.put(encode(wide, "PNG"), "wide.png"), select=True)
        unfold(panel)
        first = mapped(panel)
        over = Image.open(BytesIO(first))
        assert over.size == (120, 60)
        assert {over.getpixel((x, 30))[:3] for x in (*range(30), *range(90, 120))} == {UNSEEN}
        assert {over.getpixel((x, 30))[:3] for x in range(30, 90)} == {FOR}
        assert "Chefer et al. 2021" in panel.note.value
        assert "did not see what is striped" in panel.note.value
        assert "speaks against" not in panel.legend.value
        panel.label.value = panel.label.options[-1][1]
        wait_until(lambda: panel.picture.over not in {b"", first})
        assert panel.told.value.startswith("<span>Speaks for it most: ")

        panel.subject.set_state({"chosen": WORD_OF_CAPTION})
        wait_until(lambda: panel.word.options)
        assert panel.word.options == state.description.caption.split()
        word = Image.open(BytesIO(mapped(panel)))
        assert {word.getpixel((x, 30))[:3] for x in range(120)} == {WORD}, "all of it was seen"
        assert "Gradient-weighted cross-attention" in panel.note.value
        kept = Image.open(BytesIO(download(panel.png)))
        assert kept.text["Title"] == panel.word.options[panel.word.chosen]
        assert state.error == ""
    finally:
        analyst.close()
        state.shelf.close()
