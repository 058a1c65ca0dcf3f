"""The picture on screen, with its name, size and alternative text."""

from html import escape

from imgcap.widgets.elements import Card
from imgcap.widgets.shelf import Shown
from imgcap.widgets.stage import Place, Scene, Stage
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
        self.stage = Stage.of(state)
        self.fill(Place(self.stage, "preview"))
        self.stage.observe(state.guarded(self._show), "scene")
        self._show()

    def _show(self, _change: object = None) -> None:
        scene = self.stage.scene
        with self.stage.hold_sync():
            self.stage.preview = figure(scene.picture) if scene.picture else EMPTY
            self.stage.picture = scene.picture.preview if scene.picture else b""
            self.stage.alt = alternative(scene)


def alternative(scene: Scene) -> str:
    """Return what stands for the picture where it is not seen."""
    caption = scene.shown.caption if scene.shown else ""
    return caption or (scene.picture.name if scene.picture else "")


def figure(shown: Shown) -> str:
    """Return the markup around a picture: its facts, and its shape, so that nothing jumps."""
    facts = f"{shown.width:,} × {shown.height:,} pixels · {shown.format} · {size(shown.size_bytes)}"
    return (
        f'<figure><img style="--width:{shown.width};--height:{shown.height}">'
        f"<figcaption><strong>{escape(shown.name)}</strong> <span>{facts}</span></figcaption>"
        "</figure>"
    )


def size(n_bytes: int) -> str:
    """Say a file's size as people do."""
    for unit, length in (("MB", 10**6), ("kB", 10**3)):
        if n_bytes >= length:
            return f"{n_bytes / length:.1f} {unit}"
    return f"{n_bytes} bytes"
