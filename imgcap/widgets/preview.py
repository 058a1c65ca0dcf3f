"""The picture on screen, with its name, size and alternative text."""

import base64
from html import escape

from imgcap.widgets.elements import Card, markup
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState

EMPTY = """<div class="imgcap-empty"><p>No picture yet.</p>
<p>Drop one here, choose a file, or begin with a sample.</p></div>"""


class PreviewPanel(Card):
    """Shows the selected picture; its caption is its alternative text.

    Parameters
    ----------
    state : AppState
        Whose picture is shown.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("", "preview")
        self._state = state
        self.view = markup()
        self.fill(self.view)
        state.observe(state.guarded(self._show), ["selected", "pictures", "description"])
        self._show()

    def _show(self, _change: object = None) -> None:
        shown, description = self._state.picture, self._state.description
        caption = description.caption if description else ""
        self.view.value = figure(shown, caption) if shown else EMPTY


def figure(shown: Shown, caption: str) -> str:
    """Return the markup of a picture with its facts."""
    alt = escape(caption or shown.name, quote=True)
    facts = f"{shown.width:,} × {shown.height:,} pixels · {shown.format} · {size(shown.size_bytes)}"
    source = "data:image/jpeg;base64," + base64.b64encode(shown.preview).decode("ascii")
    return (
        f'<figure><img src="{source}" alt="{alt}">'
        f"<figcaption><strong>{escape(shown.name)}</strong> <span>{facts}</span></figcaption>"
        "</figure>"
    )


def size(n_bytes: int) -> str:
    """Say a file's size as people do."""
    for unit, length in (("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= length:
            return f"{n_bytes / length:.1f} {unit}"
    return f"{n_bytes} bytes"
