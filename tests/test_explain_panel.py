"""The panel that shows where an answer comes from."""

from io import BytesIO

import pytest
from PIL import Image

from imgcap.inference import EngineError, open_engine
from imgcap.overlay import FOR, UNSEEN, WORD
from imgcap.settings import Settings
from imgcap.widgets import Analyst, AppState, ExplainPanel
from imgcap.widgets.explain import LABEL, LOOKING, NO_PICTURE, WORD_OF_CAPTION
from tests.conftest import BuildCheckpoint
from tests.fakes import HeldEngine
from tests.pages import bring, download, wait_until
from tests.picture_files import encode, quarters

SCRIPT = "<script>alert(1)</script>"
HUB_TYPES = {"classifier": "clip", "captioner": "blip"}


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
