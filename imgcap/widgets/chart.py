"""The chart panel: a choice of chart kinds over one figure that changes in place."""

import ipywidgets as widgets
import traitlets
from plotly import graph_objects as go

from imgcap.charts import KINDS, NOTHING_YET, figure
from imgcap.widgets.elements import Card
from imgcap.widgets.figures import composed, living, redraw
from imgcap.widgets.stage import Place, Scene, Stage
from imgcap.widgets.state import AppState

COMPARING = "Comparing the picture with the labels …"
NOT_COMPARED = "Nothing to chart: this picture was not compared with the labels."


class ChartPanel(Card):
    """The confidence of the picture's labels, drawn as a person chooses.

    One figure holds the traces of all kinds, and only those of the chosen kind have data.

    Parameters
    ----------
    state : AppState
        Its `description`, `chart_kind`, `top` and `dark` decide what is drawn.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("How sure it is", "chart")
        self._state = state
        self.stage = Stage.of(state)
        self.kind = widgets.Dropdown(
            description="Chart", options=[(kind.name, key) for key, kind in KINDS.items()]
        )
        traitlets.link((state, "chart_kind"), (self.kind, "value"))
        self.figure = living(self._drawing(), "confidence")
        self._place = Place(self.stage, "chart")
        self._place.drawn = self.stage.picture_id
        self.fill(self.kind, self.figure, self._place)
        self.stage.observe(state.guarded(self._redraw), "scene")
        state.observe(state.guarded(self._redraw), ["chart_kind", "top", "dark"])

    def _drawing(self) -> go.Figure:
        state, scene = self._state, self.stage.scene
        result = scene.shown.classification if scene.shown else None
        drawings = {
            key: figure(
                key,
                result if key == state.chart_kind else None,
                top=state.top,
                dark=state.dark,
                empty=empty(scene),
            )
            for key in KINDS
        }
        return composed(drawings, state.chart_kind)

    def _redraw(self, _change: object = None) -> None:
        drawing = self._drawing()
        picture = self.stage.scene.picture
        self._place.drawn = picture.id if picture else ""  # first: what differs is not seen
        redraw(self.figure, drawing)


def empty(scene: Scene) -> str:
    """Say why there is nothing to draw, if that is so."""
    if scene.picture is None:
        return NOTHING_YET
    return COMPARING if scene.busy else NOT_COMPARED
