from html import unescape
from pathlib import Path

import pytest

from imgcap.inference import CaptionOptions, ClassifyOptions
from imgcap.labels import ENSEMBLE_TEMPLATES, label_sets, read_labels
from imgcap.settings import Settings
from imgcap.widgets.question import OWN, CaptionQuestion, QuestionPanel
from imgcap.widgets.state import AppState

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def panel(state: AppState) -> QuestionPanel:
    return QuestionPanel(state)


@pytest.fixture
def captions(state: AppState) -> CaptionQuestion:
    return CaptionQuestion(state)


def test_the_panel_begins_with_what_is_asked(state: AppState, panel: QuestionPanel) -> None:
    assert tuple(panel.labels.value.splitlines()) == state.labels
    assert panel.label_set.label == "General"
    assert panel.top.value == state.top
    assert panel.label_message.value == ""


def test_labels_are_edited_in_place(state: AppState, panel: QuestionPanel) -> None:
    panel.labels.value = "# birds\n owl ,  🦉 eagle owl\n\n" + SCRIPT
    assert state.labels == ("owl", "🦉 eagle owl", SCRIPT)
    assert panel.label_set.value == OWN
    assert "3 labels in use." in panel.label_message.value
    panel.labels.value = "owl"
    assert state.labels == ("owl",)
    assert "1 label in use." in panel.label_message.value


def test_labels_that_another_panel_asks_for_are_shown_and_stay_whole(
    state: AppState, panel: QuestionPanel
) -> None:
    state.labels = ("owl", "a red, round blorp")
    assert state.labels == ("owl", "a red, round blorp")
    assert panel.labels.value == "owl\na red, round blorp"
    assert panel.label_set.value == OWN
    assert "2 labels in use." in panel.label_message.value
    panel.labels.value = "eagle"
    assert state.labels == ("eagle",)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "There is no label in the label list: give at least one."),
        (" \n,,\n# cat", "There is no label in the label list"),
        ("cat, dog, CAT", "The label “CAT” is in the label list more than once."),
        ("\n".join(map(str, range(10_000))), "There are too many labels in the label list: 2,000"),
        ("x" * 5_000, "is 5,000 characters long; 200 is the most."),
        (f"{SCRIPT},{SCRIPT}", f"The label “{SCRIPT}” is in the label list more than once."),
        ("half \ud83d, half \ud83d", "more than once"),
    ],
    ids=["empty", "only a comment", "duplicates", "10,000", "5,000 characters", "HTML", "half"],
)
def test_bad_labels_are_a_sentence_and_those_before_stay(
    state: AppState, panel: QuestionPanel, text: str, sentence: str
) -> None:
    before = state.labels
    panel.labels.value = text
    shown = panel.label_message.value
    assert sentence in unescape(shown)
    assert "The labels from before stay in use." in shown
    assert "<script" not in shown
    assert 'role="alert"' in shown
    assert panel.labels.value == text, "what was typed can be mended"
    assert panel.label_set.value == OWN
    assert state.labels == before
    assert state.error == ""
    panel.labels.value = "cat, dog"
    assert "alert" not in panel.label_message.value
    assert state.labels == ("cat", "dog")


def test_the_button_reads_the_labels_once_more(state: AppState, panel: QuestionPanel) -> None:
    state.labels = ("other",)
    panel.apply.click()
    assert state.labels == tuple(panel.labels.value.splitlines())


@pytest.mark.parametrize("name", list(label_sets(Settings())))
def test_every_label_set_can_be_chosen(state: AppState, panel: QuestionPanel, name: str) -> None:
    panel.label_set.value = OWN
    panel.label_set.value = name
    assert state.labels == read_labels(label_sets(state.settings)[name])
    assert panel.label_set.value == name
    assert panel.label_set.label[0].isupper()


def test_choosing_your_own_keeps_the_text(state: AppState, panel: QuestionPanel) -> None:
    before, text = state.labels, panel.labels.value
    panel.label_set.value = OWN
    assert (state.labels, panel.labels.value) == (before, text)


def test_a_set_can_be_chosen_again_after_a_mistake(state: AppState, panel: QuestionPanel) -> None:
    before = state.labels
    panel.labels.value = "cat, cat"
    panel.label_set.value = "seed"
    assert state.labels == before
    assert tuple(panel.labels.value.splitlines()) == before
    assert "alert" not in panel.label_message.value


def test_a_label_set_that_cannot_be_read_is_a_sentence(
    state: AppState, panel: QuestionPanel, tmp_path: Path
) -> None:
    before = state.labels
    panel._sets["food"] = tmp_path / "gone.txt"
    panel.label_set.value = "food"
    assert "could not be read" in panel.label_message.value
    assert state.labels == before


@pytest.mark.parametrize(
    ("template", "sentence"),
    [
        ("a photo", "has no {} for the label."),
        ("", "has no {} for the label."),
        (SCRIPT, f"The prompt template “{SCRIPT}” has no {{}}"),
        ("a photo of {} " + "x" * 300, "The prompt is 314 characters long; 200 is the most."),
        ("half \ud83d", "has no {} for the label."),
    ],
)
def test_a_bad_prompt_is_a_sentence_and_the_one_before_stays(
    state: AppState, panel: QuestionPanel, template: str, sentence: str
) -> None:
    panel.template.value = "a drawing of {}"
    panel.template.value = template
    shown = panel.template_message.value
    assert sentence in unescape(shown)
    assert "The prompt from before stays in use." in shown
    assert "<script" not in shown
    assert state.classify_options == ClassifyOptions(templates=("a drawing of {}",))
    assert state.error == ""
    panel.template.value = "{}"
    assert panel.template_message.value == ""
    assert state.classify_options == ClassifyOptions(templates=("{}",))


def test_several_prompts_and_independent_labels(state: AppState, panel: QuestionPanel) -> None:
    panel.ensemble.value = True
    assert panel.template.disabled
    assert state.classify_options.templates == ENSEMBLE_TEMPLATES
    panel.independent.value = True
    assert state.classify_options == ClassifyOptions(ENSEMBLE_TEMPLATES, independent=True)
    panel.ensemble.value = False
    assert not panel.template.disabled
    assert state.classify_options == ClassifyOptions(independent=True)


def test_how_many_are_shown(state: AppState, panel: QuestionPanel) -> None:
    panel.top.value = 3
    assert state.top == 3
    panel.top.value = 0
    assert state.top == panel.top.value == 1
    state.top = 7
    assert panel.top.value == 7


def test_captions_are_asked_for(state: AppState, captions: CaptionQuestion) -> None:
    captions.prefix.value = "  a photograph of "
    captions.beams.value = 5
    captions.length.value = (5, 20)
    assert state.caption_options == CaptionOptions(
        num_beams=5, min_new_tokens=5, max_new_tokens=20, prefix="a photograph of"
    )
    assert captions.message.value == ""


def test_bad_caption_options_are_a_sentence_and_those_before_stay(
    state: AppState, captions: CaptionQuestion
) -> None:
    before = state.caption_options
    captions.prefix.value = "x" * 201
    assert "prefix can have 200 characters at most" in captions.message.value
    assert "The options from before stay in use." in captions.message.value
    captions.prefix.value = ""
    captions.length.value = (0, 0)
    assert "between 1 and 200 tokens" in captions.message.value
    assert state.caption_options == before
    captions.length.value = (0, 30)
    assert captions.message.value == ""
