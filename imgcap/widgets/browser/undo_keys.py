"""Ctrl+Z and Ctrl+Shift+Z, heard in the card around."""

from collections.abc import Callable, Sequence

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class UndoKeys(BrowserWidget):
    """Hears the keys for undo and redo, but where text is being typed, which has its own undo.

    Parameters
    ----------
    on_undo, on_redo
        Called when the keys are pressed.
    """

    _esm = FOLDER / "undo_keys.js"

    def __init__(self, on_undo: Callable[[], object], on_redo: Callable[[], object]) -> None:
        self._on_undo, self._on_redo = on_undo, on_redo
        super().__init__(layout={"display": "none"})

    def _on_message(self, content: object, buffers: Sequence[object]) -> None:
        del buffers
        match content:
            case {"type": "undo"}:
                self._on_undo()
            case {"type": "redo"}:
                self._on_redo()
