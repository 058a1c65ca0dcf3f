"""How far the scores can be trusted: what feedback taught, when none fits, prompts compared."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape

import ipywidgets as widgets

from imgcap.inference import CancelledError, Classification, ClassifyOptions, Engine
from imgcap.inference.calibration import Calibration, usable_calibration
from imgcap.inference.events import Cancel
from imgcap.labels import ENSEMBLE_TEMPLATES
from imgcap.percentages import percent
from imgcap.widgets.answering import answerer
from imgcap.widgets.elements import Card, Fold, Message, Progress, markup, plain, row
from imgcap.widgets.shelf import Shown
from imgcap.widgets.stage import Stage
from imgcap.widgets.state import AppState

NO_PICTURE = "Bring a picture to compare how prompts answer."
CANCELLED = "Cancelled: “Compare again” takes it up."
AVERAGED = "All averaged"
NAMED = 3
THRESHOLD = (
    "How far above an even guess the best score must be; below that, the summary says that none "
    "of the labels fits. It does not matter where each label is scored by itself."
)
_TOLD = {"continuous_update": False}


@dataclass(frozen=True)
class Question:
    """All that the comparison depends on."""

    shown: Shown
    engine: Engine
    checkpoint: str
    labels: tuple[str, ...]
    options: ClassifyOptions

    @property
    def ways(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The prompts to compare and all of them together: name and templates."""
        each = dict.fromkeys((*self.options.templates, *ENSEMBLE_TEMPLATES))
        return *((template, (template,)) for template in each), (AVERAGED, tuple(each))


class ConfidencePanel(Card):
    """What the scores are worth, in a fold; nothing is computed until it is opened.

    Parameters
    ----------
    state : AppState
        Gets the threshold below which no label is named.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("How far to trust it", "confidence")
        self._state = state
        self._stage = Stage.of(state)
        self._question: Question | None = None
        self._task: object = None
        self.calibration = markup()
        self.threshold = widgets.FloatSlider(
            description="None fits", min=0, max=1, step=0.01, readout_format=".0%", **_TOLD
        )
        self.learned = widgets.Button(description="As learned", icon="undo")
        self.again = widgets.Button(description="Compare again", icon="refresh")
        self.cancel = widgets.Button(description="Cancel", icon="times")
        self.progress = Progress("Prompts compared")
        self.message = Message()
        self.message.tell(NO_PICTURE)
        self.table = markup()
        self.fold = Fold("Calibration and prompts")
        self.fill(self.fold)
        self.fold.button.observe(state.guarded(self._open), "is_open")
        self.threshold.observe(state.guarded(self._choose), "value")
        self.learned.on_click(state.guarded(self._go_back))
        self.again.on_click(state.guarded(self._start))
        self.cancel.on_click(state.guarded(self._stop))
        self._stage.observe(state.guarded(self._look), "scene")
        state.observe(
            state.guarded(self._look), ["saved", "classify_options", "labels", "adapters"]
        )

    def _open(self, _change: object) -> None:
        if not self.fold.body.children:
            self.fold.body.children = (
                self.calibration,
                row(self.threshold, self.learned),
                markup(f'<p class="imgcap-muted">{THRESHOLD}</p>'),
                markup("<h3>Prompts compared</h3>"),
                row(self.again, self.cancel, self.progress),
                self.message,
                self.table,
            )
        self._look()

    def _look(self, _change: object = None) -> None:
        """Bring all up to date that somebody looks at."""
        if not self.fold.button.is_open:
            return
        self._show_calibration()
        question = self._asked()
        if question != self._question:
            self._question = question
            self._task = None
            self.table.value = ""
            if question:
                self._start()
            else:
                self.message.tell(NO_PICTURE)
        self._show()

    def _asked(self) -> Question | None:
        state, shown = self._state, self._stage.scene.picture
        if shown is None:
            return None
        options = replace(state.classify_options, none_threshold=None)
        name = answerer(state, "classifier")
        return Question(shown, state.engine, name, state.labels, options)

    def _show(self) -> None:
        self.cancel.layout.display = self.progress.layout.display = None if self._task else "none"
        ready = self._question and not self._task and not self.table.value
        self.again.layout.display = None if ready else "none"

    def _show_calibration(self) -> None:
        learned = self._learned()
        self.calibration.value = told(learned)
        chosen = self._state.classify_options.none_threshold
        self.learned.disabled = chosen is None
        self.threshold.value = learned.none_threshold if chosen is None else chosen

    def _choose(self, change: Mapping[str, float]) -> None:
        # Not the slider's present value: an answer that came meanwhile may have set it back.
        options, chosen = self._state.classify_options, round(change["new"], 2)
        value = options.none_threshold
        shown = self._learned().none_threshold if value is None else value
        if chosen != round(shown, 2):  # else it only follows
            self._state.classify_options = replace(options, none_threshold=chosen)

    def _learned(self) -> Calibration:
        description = self._stage.scene.description
        answer = description.classification if description else None
        model = answer.model if answer else self._state.models["classifier"].checkpoint
        revision = answer.revision if answer else ""
        return usable_calibration(self._state.settings.calibration, model, revision)

    def _go_back(self, _button: object) -> None:
        options = self._state.classify_options
        self._state.classify_options = replace(options, none_threshold=None)

    def _start(self, _button: object = None) -> None:
        """Ask with each prompt, in the background."""
        state, question = self._state, self._question
        if question is None or self._task:
            return
        task = self._task = object()

        def is_unwanted() -> bool:
            return self._task is not task or state.closed

        def ask() -> list[tuple[str, Classification]]:
            try:
                return compared(state, question, is_unwanted, self.progress.show)
            except (CancelledError, KeyError):  # or the picture was removed meanwhile
                if is_unwanted():
                    return []
                raise

        def take(answers: list[tuple[str, Classification]]) -> None:
            if is_unwanted():
                return
            self._task = None
            self.table.value = table(answers, state.classify_options.templates)
            self._show()

        def fail(sentence: str) -> None:
            if not is_unwanted():
                self._task = None
                self.message.warn(sentence)
                self._show()

        self.message.clear()
        self.progress.show(None)
        self._show()
        state.in_background(ask, take, fail)

    def _stop(self, _button: object) -> None:
        if self._task:
            self._task = None
            self.message.tell(CANCELLED)
            self._show()


def compared(
    state: AppState, question: Question, cancel: Cancel, progress: Callable[[float], object]
) -> list[tuple[str, Classification]]:
    """Return the answer to each prompt and to all together, by name."""
    picture = state.shelf.open(question.shown.id, question.shown.edits)
    answers: list[tuple[str, Classification]] = []
    for name, templates in question.ways:
        options = replace(question.options, templates=templates)
        [answer] = question.engine.classify([picture], question.labels, options, cancel=cancel)
        answers.append((name, answer))
        if not cancel():
            progress(len(answers) / len(question.ways))
    return answers


def told(calibration: Calibration) -> str:
    """Return markup that says what feedback taught of a checkpoint's scores."""
    name = f"<strong>{escape(plain(calibration.checkpoint))}</strong>"
    if calibration.time is None:
        return (
            f"<p>The scores of {name} are shown as it gives them: nothing was learned from "
            "feedback yet. The command “imgcap learn calibrate” does that.</p>"
        )
    side = "less sure" if calibration.temperature > 1 else "surer"
    return (
        f"<p>{calibration.judged:,} judged labels taught that {name} should be {side} of itself: "
        f"its logits are divided by a temperature of {calibration.temperature:.2f} "
        f"({calibration.time:%Y-%m-%d}).</p>"
    )


def table(answers: list[tuple[str, Classification]], in_use: tuple[str, ...]) -> str:
    """Return markup of the best labels by prompt; the prompts of the answers on screen marked."""
    rows = []
    for name, answer in answers:
        used = name == AVERAGED if len(in_use) > 1 else (name,) == in_use
        best = "".join(
            f"<li>{escape(plain(each.label))} <span>{percent(each.score)}</span></li>"
            for each in answer.predictions[:NAMED]
        )
        mark = ' <span class="imgcap-muted">in use</span>' if used else ""
        rows.append(
            f'<tr><th scope="row">{escape(plain(name))}{mark}</th><td><ol>{best}</ol></td></tr>'
        )
    head = '<tr><th scope="col">Prompt</th><th scope="col">Best labels</th></tr>'
    return (
        f'<table class="imgcap-table"><thead>{head}</thead><tbody>{"".join(rows)}</tbody></table>'
    )
