"""The form for feedback on one picture, or on none: what is said, and how it is sent."""

from collections.abc import Callable, Sequence

import ipywidgets as widgets
from traitlets import Bool

from imgcap.edits import Edit
from imgcap.feedback import FeedbackRecord, record_of
from imgcap.feedback.pictures import PictureFolder
from imgcap.feedback.saving import save_with_picture
from imgcap.inference import Description
from imgcap.widgets.elements import Message, markup, plain, row, with_classes
from imgcap.widgets.shelf import Shown
from imgcap.widgets.stage import Scene
from imgcap.widgets.state import AppState

FIRST_RATING = 3
SAVED = "Thank you, your feedback is saved."
AGAIN = "Your feedback is still here: send it again, it will be stored only once."
KEEP = "Keep this picture with my feedback, to make the models better"
KEPT = (
    "A copy without location or camera data stays in a folder of this server, until you ask for "
    "it to be deleted."
)
_LONGEST_NAME = 40
# Told when the control is left, not at every key: ipywidgets holds back what is typed while the
# kernel is busy, but not the click of a button, which would then overtake it.
_TOLD = {"continuous_update": False}


class Correction(widgets.Box):
    """What an answer should have been, or, at one click, that it was right.

    The box writes the answer into the field, so that what will be stored is seen; whoever types
    the very answer ticks the box. A tick stands for one answer: it goes when another comes.

    Parameters
    ----------
    field : ipywidgets.Text or ipywidgets.Combobox
        Where the better answer is typed.
    name : str
        What the answer is called.
    guarded : callable
        `AppState.guarded`.
    """

    def __init__(
        self, field: widgets.Text, name: str, guarded: Callable[..., Callable[..., object]]
    ) -> None:
        self.field = field
        self.right = widgets.Checkbox(
            value=False, description=f"The {name} is right", indent=False, disabled=True
        )
        self._answer = ""
        super().__init__([field, self.right])
        with_classes(self, "row", "correction")
        field.observe(guarded(self._tick), "value")
        self.right.observe(guarded(self._fill_in), "value")

    @property
    def text(self) -> str:
        """The better answer exactly as typed, the answer itself if it is right, or nothing."""
        if self.right.value:
            return self._answer
        typed: str = self.field.value
        return typed if typed.strip() else ""

    def follow(self, answer: str) -> None:
        """Take note of the answer that is shown, empty as long as it is awaited."""
        self.right.disabled = not answer
        if answer and answer != self._answer:
            if self.right.value:
                self.field.value = ""
            self._answer = answer
            self._tick()

    def _tick(self, _change: object = None) -> None:
        self.right.value = bool(self._answer) and self.field.value == plain(self._answer)

    def _fill_in(self, _change: object) -> None:
        answer = plain(self._answer)
        if self.right.value:
            self.field.value = answer
        elif self.field.value == answer:
            self.field.value = ""


class FeedbackForm(widgets.VBox):
    """Rating, comment, right label and caption, consent; saved once, confirmed when it is safe.

    Every picture has a form of its own. So what is typed and pressed, however late the page tells
    of it, belongs to the picture that it was meant for; and nothing that was typed is lost while
    another picture is on screen. Consent is given for one picture and one piece of feedback.

    A try that failed may have reached the store in truth. The next one therefore sends the very
    same record; one whose content has changed since then gets an id and a time of its own.

    Parameters
    ----------
    state : AppState
        Its store gets the record; its `saved` counts.
    picture : Shown, optional
        What the feedback is about.
    """

    unsent = Bool(default_value=False, help="Whether something in it was not sent yet.")
    saving = Bool(default_value=False, help="Whether it is being saved.")
    on_screen = Bool(default_value=False, help="Whether the visitor sees it.")

    def __init__(self, state: AppState, picture: Shown | None = None) -> None:
        self._state = state
        self._picture = picture
        self._scene = Scene(picture)
        self._tried: tuple[FeedbackRecord, bool] | None = None
        self._sent: tuple[object, ...] = ()
        self._done: tuple[object, ...] | None = None
        self.rating = widgets.IntSlider(FIRST_RATING, min=1, max=5, description="Rating", **_TOLD)
        self.label = widgets.Combobox(
            description="Right label", placeholder="if another label fits better", **_TOLD
        )
        self.caption = widgets.Text(
            description="Right caption", placeholder="how you would say it", **_TOLD
        )
        self.comment = widgets.Textarea(
            description="Comment", placeholder="anything else worth knowing", rows=3, **_TOLD
        )
        self.right_label = Correction(self.label, "label", state.guarded)
        self.right_caption = Correction(self.caption, "caption", state.guarded)
        self.keep = widgets.Checkbox(value=False, description=KEEP, indent=False)
        self.submit = with_classes(
            widgets.Button(description="Send feedback", icon="paper-plane"), "primary"
        )
        self.message = Message()
        self._blank = {
            self.rating: FIRST_RATING,
            self.label: "",
            self.caption: "",
            self.comment: "",
            self.keep: False,
        }
        kept = markup(f'<p class="imgcap-muted">{KEPT}</p>')
        if picture is None:
            for part in (self.right_label.right, self.right_caption.right, self.keep, kept):
                part.layout.display = "none"
        super().__init__(
            [
                self.rating,
                self.right_label,
                self.right_caption,
                self.comment,
                self.keep,
                kept,
                row(self.submit, self.message),
            ]
        )
        with_classes(self, "form")
        self.submit.on_click(state.guarded(self._submit))
        for control in self._blank:
            control.observe(state.guarded(self._look), "value")

    @property
    def about(self) -> str:
        """What the feedback is about: words that fit behind it."""
        if self._picture is None:
            return "without a picture"
        name = self._picture.name
        return f"about {name if len(name) <= _LONGEST_NAME else name[:_LONGEST_NAME] + '…'}"

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost with it."""
        return not (self.unsent or self.saving)

    def follow(self, scene: Scene) -> None:
        """Take note of what is shown with the picture: that is what the visitor judges."""
        self._scene = scene
        known = scene.description
        self.right_label.follow(known.predictions[0].label if known and known.predictions else "")
        self.right_caption.follow(known.caption if known else "")

    def _look(self, _change: object = None) -> None:
        self.unsent = self._content() != tuple(self._blank.values())
        if self._done:
            self._done = None
            self.message.clear()

    def _content(self) -> tuple[object, ...]:
        return tuple(control.value for control in self._blank)

    def _edits(self) -> Sequence[Edit]:
        return self._scene.picture.edits if self._scene.picture else ()

    def _question(self) -> tuple[object, ...]:
        state = self._state
        names = (event.checkpoint for event in state.models.values())
        asked = state.labels, state.classify_options, state.caption_options
        wording = state.wordings.get(self._picture.id) if self._picture else None
        return *asked, wording, self._edits(), *names

    def _description(self) -> Description | None:
        shown = self._scene.picture
        if shown is None or self._scene.description is not None:
            return self._scene.description
        return Description(shown.name, shown.id, shown.width, shown.height)

    def _record(self) -> FeedbackRecord:
        state = self._state
        record = record_of(
            self._description(),
            rating=self.rating.value,
            comment=self.comment.value,
            corrected_label=self.right_label.text,
            corrected_caption=self.right_caption.text,
            edits=[edit.as_dict() for edit in self._edits()],
            labels=state.labels,
            templates=state.classify_options.templates,
            session=state.session,
        )
        if self._tried is not None:
            tried, kept = self._tried
            same = {"id": tried.id, "time": tried.time}
            if (record.model_copy(update=same), self.keep.value) == (tried, kept):
                return tried
        return record

    def _submit(self, _button: object) -> None:
        state, picture = self._state, self._picture
        if self.saving:
            return
        if self._done == self._question():  # the second half of a slow double click
            self.message.tell(SAVED)
            return
        try:
            record = self._record()
            # Now, not when its turn comes: the picture may be removed meanwhile.
            original = state.shelf.read(picture.id) if picture and self.keep.value else None
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            self.message.warn(state.sentence(problem))
            return
        self._tried = record, original is not None
        self._sent = self._content()
        self.saving = self.submit.disabled = True
        self.message.tell("Saving …")

        def save() -> None:
            if original is None:
                state.store.append(record)
            else:
                pictures = PictureFolder(state.settings.pictures)
                save_with_picture(record, original, state.store, pictures)

        state.in_background(save, self._saved, self._failed)

    def _saved(self, _result: None) -> None:
        self._tried = None
        self.saving = self.submit.disabled = False
        for (control, blank), sent in zip(self._blank.items(), self._sent, strict=True):
            if control.value == sent:  # else it was written while this was being saved
                control.value = blank
        self._done = None if self.unsent else self._question()
        self.message.tell(SAVED)
        self._state.saved += 1

    def _failed(self, sentence: str) -> None:
        self.saving = self.submit.disabled = False
        self.message.warn(f"{sentence} {AGAIN}")
        if not self.on_screen:
            self._state.error = f"Your feedback {self.about} was not saved yet: {sentence}"
