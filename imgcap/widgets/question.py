"""The question that is put to the models: candidate labels, prompts, and how captions are made."""

from dataclasses import replace

import ipywidgets as widgets
import traitlets

from imgcap.inference import CaptionOptions
from imgcap.labels import (
    DEFAULT_TEMPLATES,
    ENSEMBLE_TEMPLATES,
    FIRST_SET,
    LabelError,
    label_sets,
    parse_labels,
    prompts,
    read_labels,
)
from imgcap.widgets.elements import Card, Fold, Message, row
from imgcap.widgets.state import EXPECTED, AppState

OWN = "Your own"
NAMES = {FIRST_SET: "General", "imagenet": "ImageNet"}
"""How the page calls label sets that are not just called as their file is."""
MAX_TEMPLATE = 200
MAX_TOP = 20
_KEPT = "The labels from before stay in use."


class QuestionPanel(Card):
    """Candidate labels and all options; what is wrong is said beside it and changes nothing.

    Parameters
    ----------
    state : AppState
        Gets the labels and the options.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("What to look for", "question")
        self._state = state
        self._sets = label_sets(state.settings)
        self._set: tuple[str, ...] = state.labels
        self._following = False
        self.label_set = widgets.Dropdown(
            description="Label set",
            options=[
                *((NAMES.get(name, name.capitalize()), name) for name in self._sets),
                (OWN, OWN),
            ],
            value=FIRST_SET if FIRST_SET in self._sets else OWN,
        )
        self.labels = widgets.Textarea(
            "\n".join(state.labels),
            description="Labels",
            placeholder="One label a line, or separated by commas",
            continuous_update=False,
            rows=9,
        )
        self.apply = widgets.Button(description="Use these labels", icon="check")
        self.label_message = Message()
        self.top = widgets.BoundedIntText(state.top, min=1, max=MAX_TOP, description="Show best")
        self.template = widgets.Combobox(
            value=DEFAULT_TEMPLATES[0],
            options=[*ENSEMBLE_TEMPLATES, "{}"],
            description="Prompt",
            placeholder="a photo of {}",
            continuous_update=False,
        )
        self.ensemble = widgets.Checkbox(
            description=f"Average {len(ENSEMBLE_TEMPLATES)} prompts instead", indent=False
        )
        self.independent = widgets.Checkbox(
            description="Several labels may fit: score each by itself", indent=False
        )
        self.template_message = Message()
        self.fill(
            self.label_set,
            self.labels,
            row(self.apply, self.top),
            self.label_message,
            Fold(
                "How labels are asked",
                self.template,
                self.ensemble,
                self.independent,
                self.template_message,
            ),
            CaptionQuestion(state),
        )
        self.label_set.observe(state.guarded(self._choose_set), "value")
        self.labels.observe(state.guarded(self._read), "value")
        self.apply.on_click(state.guarded(self._read))
        state.observe(state.guarded(self._follow), "labels")
        traitlets.link((state, "top"), (self.top, "value"))
        for control in (self.template, self.ensemble, self.independent):
            control.observe(state.guarded(self._ask), "value")

    def _choose_set(self, _change: object) -> None:
        if self.label_set.value == OWN:
            return
        try:
            self._set = read_labels(self._sets[self.label_set.value])
        except LabelError as error:
            self.label_message.warn(f"{error} {_KEPT}")
            return
        self.labels.value = "\n".join(self._set)

    def _read(self, _change: object) -> None:
        if self._following:
            return
        try:
            labels = parse_labels(self.labels.value)
        except LabelError as error:
            self.label_set.value = OWN
            self.label_message.warn(f"{error} {_KEPT}")
            return
        self._tell(labels)
        self._state.labels = labels

    def _tell(self, labels: tuple[str, ...]) -> None:
        if labels != self._set:
            self.label_set.value = OWN
        plural = "" if len(labels) == 1 else "s"
        self.label_message.tell(f"{len(labels):,} label{plural} in use.")

    def _follow(self, _change: object) -> None:
        """Show labels that another panel asks for; one with a comma in it stays whole."""
        labels = self._state.labels
        if _parsed(self.labels.value) == labels:
            return
        self._following = True
        try:
            self.labels.value = "\n".join(labels)
        finally:
            self._following = False
        self._tell(labels)

    def _ask(self, _change: object) -> None:
        templates = ENSEMBLE_TEMPLATES if self.ensemble.value else (self.template.value.strip(),)
        self.template.disabled = self.ensemble.value
        try:
            _check_length(templates)
            prompts("cat", templates)
        except LabelError as error:
            self.template_message.warn(f"{error} The prompt from before stays in use.")
            return
        self.template_message.clear()
        self._state.classify_options = replace(
            self._state.classify_options,
            templates=templates,
            independent=self.independent.value,
        )


def _parsed(text: str) -> tuple[str, ...]:
    try:
        return parse_labels(text)
    except LabelError:
        return ()


def _check_length(templates: tuple[str, ...]) -> None:
    longest = max(map(len, templates))
    if longest > MAX_TEMPLATE:
        raise LabelError(f"The prompt is {longest:,} characters long; {MAX_TEMPLATE} is the most.")


class CaptionQuestion(Fold):
    """How captions are made.

    Parameters
    ----------
    state : AppState
        Gets the options.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        options = state.caption_options
        self.prefix = widgets.Text(
            options.prefix,
            description="Begins with",
            placeholder="such as: a photograph of",
            continuous_update=False,
        )
        self.beams = widgets.IntSlider(
            options.num_beams, min=1, max=10, description="Beams", continuous_update=False
        )
        self.length = widgets.IntRangeSlider(
            value=(options.min_new_tokens, options.max_new_tokens),
            min=0,
            max=60,
            description="Length",
            continuous_update=False,
        )
        self.message = Message()
        super().__init__(
            "How captions are written", self.prefix, self.beams, self.length, self.message
        )
        for control in (self.prefix, self.beams, self.length):
            control.observe(state.guarded(self._ask), "value")

    def _ask(self, _change: object) -> None:
        least, most = self.length.value
        try:
            options = CaptionOptions(
                num_beams=self.beams.value,
                min_new_tokens=least,
                max_new_tokens=most,
                prefix=self.prefix.value.strip(),
            )
        except EXPECTED as error:
            self.message.warn(f"{error} The options from before stay in use.")
            return
        self.message.clear()
        self._state.caption_options = options
