"""Where a person says how good a result was and what it should have been."""

from html import escape

import ipywidgets as widgets

from imgcap.widgets.elements import Card, Message, markup, plain, row
from imgcap.widgets.feedback_form import FeedbackForm
from imgcap.widgets.page import parts
from imgcap.widgets.shelf import Shown
from imgcap.widgets.stage import Stage
from imgcap.widgets.state import AppState

WITHOUT = "How good is this? Say it without a picture as well."
_MOST_NAMED = 3


class FeedbackPanel(Card):
    """Shows the form of the picture on screen; each picture has its own, with its own draft.

    Where something is written for another picture, or for none, and not sent yet, the panel says
    so. Without a picture there is a form as well; it can be shown again later to be finished.

    Parameters
    ----------
    state : AppState
        Whose pictures and results are rated; its `saved` counts.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Tell it where it was wrong", "feedback")
        self._state = state
        self._stage = Stage.of(state)
        self._forms: dict[str, FeedbackForm] = {}
        self._general = False
        self.heading = markup()
        self.place = widgets.VBox()
        self.drafts = Message()
        self.turn = widgets.Button(icon="exchange")
        self.fill(self.heading, self.place, row(self.drafts, self.turn))
        self.turn.on_click(state.guarded(self._turn))
        self._stage.observe(state.guarded(self._follow), "scene")
        state.observe(state.guarded(self._show), ["labels", "pictures"])
        self._follow()

    @property
    def form(self) -> FeedbackForm:
        """The form that the visitor sees."""
        [form] = self.place.children
        return form

    def _follow(self, change: object = None) -> None:
        picture = self._stage.scene.picture
        if picture is not None:
            self._form_of(picture).follow(self._stage.scene)
        before = change["old"].picture if isinstance(change, dict) else None
        if picture is None or before is None or picture.id != before.id:
            self._general = False
        self._show()

    def _turn(self, _button: object) -> None:
        self._general = not self._general
        self._show()

    def _form_of(self, picture: Shown | None) -> FeedbackForm:
        key = picture.id if picture else ""
        if key not in self._forms:
            self._forms[key] = FeedbackForm(self._state, picture)
            self._forms[key].observe(self._state.guarded(self._name_drafts), "unsent")
        return self._forms[key]

    def _show(self, _change: object = None) -> None:
        picture = None if self._general else self._stage.scene.picture
        form = self._form_of(picture)
        form.label.options = self._state.labels
        if self.place.children != (form,):
            self.heading.value = heading(picture)
            self.place.children = (form,)
        for each in self._forms.values():
            each.on_screen = each is form
        here = {"", *(shown.id for shown in self._state.pictures)}
        for key in [key for key, each in self._forms.items() if key not in here and each.is_idle]:
            for widget in parts(self._forms.pop(key)):
                widget.close()
        self._name_drafts()

    def _name_drafts(self, _change: object = None) -> None:
        names = [form.about for form in self._forms.values() if form.unsent and not form.on_screen]
        more = len(names) - _MOST_NAMED
        named = ", ".join(names[:_MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
        self.drafts.tell(f"Not sent yet: what you wrote {named}." if names else "")
        general = self._forms.get("")
        offered = self._general or (general and general.unsent and not general.on_screen)
        self.turn.description = "Back to the picture" if self._general else "Without a picture"
        self.turn.layout.display = None if offered else "none"


def heading(picture: Shown | None) -> str:
    """Say what the feedback will be about."""
    if picture is None:
        return f'<p class="imgcap-muted">{WITHOUT}</p>'
    return f"<p>About <strong>{escape(plain(picture.name))}</strong></p>"
