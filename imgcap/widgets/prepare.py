"""Preparing the picture on screen: crop, turn, adjust, resize; undo, and what it was before."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from html import escape

import ipywidgets as widgets

from imgcap.edits import Edit, History
from imgcap.widgets.browser import UndoKeys
from imgcap.widgets.elements import Card, Fold, Message, markup, plain, row
from imgcap.widgets.prepare_tools import CropTool, ResizeTool, ToneTool, TurnTool
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState

NO_PICTURE = '<p class="imgcap-muted">Bring a picture first: here it is cropped and adjusted.</p>'
NOTHING_DONE = '<p class="imgcap-muted">The picture is as it came.</p>'
NOT_YET = "The picture is still being changed: try again in a moment."


class PreparePanel(Card):
    """Edits the picture on screen; each picture has its own edits, with their own way back.

    Parameters
    ----------
    state : AppState
        Its pictures are edited.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Prepare the picture", "prepare")
        self._state = state
        self._histories: dict[str, History] = {}
        self._drawn: tuple[str, bool] | None = None
        self._told: History | None = None
        self.fold = Fold("Crop, turn, adjust, resize")
        self.fill(self.fold)
        self.fold.button.observe(state.guarded(self._open), "is_open")
        state.observe(state.guarded(self._follow), ["selected", "pictures"])

    @property
    def history(self) -> History:
        """What was done to the picture on screen."""
        shown = self._state.picture
        if shown is None:
            return History()
        return self._histories.get(shown.id, History(shown.edits))

    def _open(self, _change: object) -> None:
        if not self.fold.body.children:
            self._build()
        self._follow()

    def _build(self) -> None:
        guarded = self._state.guarded
        self.undo, self.redo, self.reset = (
            widgets.Button(description=name, icon=icon)
            for name, icon in (("Undo", "undo"), ("Redo", "repeat"), ("Reset", "trash"))
        )
        self.before = widgets.ToggleButton(description="Show before", icon="eye")
        self.crop = CropTool(self._crop, guarded)
        self.turn = TurnTool(self._do, guarded)
        self.tone = ToneTool(self._do, guarded)
        self.resize = ResizeTool(self._do, guarded)
        self.done, self.message, self.empty = markup(), Message(), markup(NO_PICTURE)
        undo = guarded(lambda *_: self._step(History.undo, "Undone."))
        redo = guarded(lambda *_: self._step(History.redo, "Done again."))
        self.shortcuts = UndoKeys(undo, redo)
        self.undo.on_click(undo)
        self.redo.on_click(redo)
        self.reset.on_click(guarded(lambda _button: self._step(History.reset, "All is undone.")))
        self.before.observe(guarded(self._draw), "value")
        self.tools = widgets.VBox(
            [
                row(self.undo, self.redo, self.reset, self.before),
                self.crop,
                self.turn,
                self.tone,
                self.resize,
                self.done,
            ]
        )
        self.tools.add_class("imgcap-form")
        self.fold.body.children = (self.empty, self.tools, self.message, self.shortcuts)

    def _do(self, edit: Edit) -> None:
        self._go(self.history.do(edit), f"{edit.words}.")

    def _crop(self, edit: Edit) -> None:
        shown = self._state.picture
        if shown is not None and shown.edits != self.history.present:
            self.message.warn(NOT_YET)  # the box was drawn on what the picture was
        else:
            self._do(edit)

    def _step(self, step: Callable[[History], History], said: str) -> None:
        self._go(step(self.history), said)

    def _go(self, history: History, said: str) -> None:
        shown = self._state.picture
        if shown is None or history == self.history:
            return
        self._histories[shown.id] = history
        self.before.value = False
        self.message.tell(said)
        self._tell()
        self._state.edit(shown.id, history.present, partial(self._failed, shown.id))

    def _failed(self, picture_id: str, sentence: str) -> None:
        done = self._state.edits.get(picture_id, ())
        history = self._histories.get(picture_id, History(done))
        while history.past and history.present != done:
            history = history.undo()
        self._histories[picture_id] = replace(history, present=done, future=())
        self.message.warn(sentence)
        self._tell()

    def _follow(self, change: Mapping[str, object] | None = None) -> None:
        here = {shown.id for shown in self._state.pictures}
        self._histories = {key: kept for key, kept in self._histories.items() if key in here}
        if not self.fold.button.is_open:
            return
        shown = self._state.picture
        self.empty.layout.display = "none" if shown else None
        self.tools.layout.display = None if shown else "none"
        if change is None or change["name"] == "selected":
            self.before.value = False
        if self._drawn is None or self._drawn[0] != (shown.version if shown else ""):
            self.resize.follow(shown)
        self._draw()
        self._tell()

    def _tell(self) -> None:
        history = self.history
        if history == self._told:  # else a slider that is still moving would be set back
            return
        self._told = history
        self.undo.disabled = not history.past
        self.redo.disabled = not history.future
        self.reset.disabled = not history.present
        self.before.disabled = not history.present
        self.turn.follow(history.present)
        self.tone.follow(history.present)
        lines = "".join(f"<li>{escape(edit.words)}</li>" for edit in history.present)
        self.done.value = f"<h3>What is done</h3><ol>{lines}</ol>" if lines else NOTHING_DONE

    def _draw(self, _change: object = None) -> None:
        shown, before = self._state.picture, bool(self.before.value)
        wanted = (shown.version if shown else "", before)
        if shown is None or self._drawn == wanted:
            return
        self._drawn = wanted
        if not before or not shown.edits:
            self._show(shown, shown)
            return
        original = partial(self._state.shelf.look, shown.id, ())
        self._state.in_background(original, partial(self._show, shown), self.message.warn)

    def _show(self, shown: Shown, look: Shown) -> None:
        if self._state.picture != shown:
            return
        is_before = look is not shown
        if is_before != bool(self.before.value) and shown.edits:
            return
        self.crop.box.is_plain = is_before
        name = plain(look.name)
        self.crop.follow(
            look.preview, (look.width, look.height), f"{name}, before" if is_before else name
        )
