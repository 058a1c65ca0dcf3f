"""The form in which a person says how good a result was and what it should have been."""

import ipywidgets as widgets

from imgcap.feedback import FeedbackRecord, record_of
from imgcap.feedback.ids import uuid7
from imgcap.widgets.elements import Card, Message, markup, row, with_classes
from imgcap.widgets.state import AppState

FIRST_RATING = 3
SAVED = "Thank you, your feedback is saved."
_HINT = "How good is this? Say it without a picture as well."


class FeedbackPanel(Card):
    """Rating, comment, corrected label and caption; saved once, confirmed when it is safe.

    The record keeps its id until it is saved, so that pressing again after an error never stores
    it twice; nor does a second press on a form that nobody has touched since it was saved.

    Parameters
    ----------
    state : AppState
        Whose result is rated; its `saved` counts.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Tell it where it was wrong", "feedback")
        self._state = state
        self._id = uuid7()
        self._sent: tuple[object, ...] = ()
        self._done: tuple[object, ...] | None = None
        # Told when the control is left, not at every key: ipywidgets holds back what is typed while
        # the kernel is busy, but not the click of a button, which would then overtake it.
        told = {"continuous_update": False}
        self.rating = widgets.IntSlider(FIRST_RATING, min=1, max=5, description="Rating", **told)
        self.label = widgets.Combobox(
            description="Right label", placeholder="if another label fits better", **told
        )
        self.caption = widgets.Text(
            description="Right caption", placeholder="how you would say it", **told
        )
        self.comment = widgets.Textarea(
            description="Comment", placeholder="anything else worth knowing", rows=3, **told
        )
        self.submit = with_classes(
            widgets.Button(description="Send feedback", icon="paper-plane"), "primary"
        )
        self.message = Message()
        self._blank = {
            self.rating: FIRST_RATING,
            self.label: "",
            self.caption: "",
            self.comment: "",
        }
        self.fill(
            markup(f'<p class="imgcap-muted">{_HINT}</p>'),
            self.rating,
            self.label,
            self.caption,
            self.comment,
            row(self.submit, self.message),
        )
        self.submit.on_click(state.guarded(self._store))
        state.observe(state.guarded(self._offer), "labels")
        self._offer()

    def _offer(self, _change: object = None) -> None:
        self.label.options = self._state.labels

    def _record(self) -> FeedbackRecord:
        state = self._state
        record = record_of(
            state.description,
            rating=self.rating.value,
            comment=self.comment.value,
            corrected_label=_written(self.label.value),
            corrected_caption=_written(self.caption.value),
            labels=state.labels,
            templates=state.classify_options.templates,
            session=state.session,
        )
        return record.model_copy(update={"id": self._id})

    def _content(self) -> tuple[object, ...]:
        return tuple(control.value for control in self._blank)

    def _store(self, _button: object) -> None:
        if self.submit.disabled:
            return
        if self._done == (self._state.selected, *self._content()):
            self.message.tell(SAVED)
            return
        try:
            record = self._record()
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            self.message.warn(self._state.sentence(problem))
            return
        self._sent = self._content()
        self.submit.disabled = True
        self.message.tell("Saving …")
        self._state.in_background(
            lambda: self._state.store.append(record), self._saved, self._failed
        )

    def _saved(self, _result: None) -> None:
        self._id = uuid7()
        for (control, blank), sent in zip(self._blank.items(), self._sent, strict=True):
            if control.value == sent:  # else it was written while this was being saved
                control.value = blank
        self._done = (self._state.selected, *self._blank.values())
        self.submit.disabled = False
        self.message.tell(SAVED)
        self._state.saved += 1

    def _failed(self, sentence: str) -> None:
        self.submit.disabled = False
        self.message.warn(f"{sentence} Nothing was saved yet; you can send it again.")


def _written(text: str) -> str:
    """Return what was typed, exactly; nothing if that was only spaces."""
    return text if text.strip() else ""
