"""The chart panel: a choice of chart kinds over one figure that changes in place."""

from collections.abc import Iterator, Mapping
from typing import Any

import ipywidgets as widgets
import traitlets
from plotly import graph_objects as go

from imgcap.charts import KINDS, NOTHING_YET, figure
from imgcap.widgets.elements import Card
from imgcap.widgets.stage import Place, Scene, Stage
from imgcap.widgets.state import AppState

COMPARING = "Comparing the picture with the labels …"
NOT_COMPARED = "Nothing to chart: this picture was not compared with the labels."
CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "responsive": True,
    "showSendToCloud": False,
    "toImageButtonOptions": {"filename": "confidence", "scale": 2},
    "typesetMath": False,  # a label such as $x$ is shown as it is, also where MathJax is loaded
}


class ChartPanel(Card):
    """The confidence of the picture's labels, drawn as a person chooses.

    One figure holds the traces of all kinds, and only those of the chosen kind have data and are
    visible: a figure costs a page 5 MB, and plotly cannot change a trace's type in place.

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
        self.figure = go.FigureWidget(self._drawing())
        self.figure.set_trait("_config", CONFIG)
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
        for key, drawing in drawings.items():
            drawing.update_traces(visible=key == state.chart_kind)
        traces = [trace for drawing in drawings.values() for trace in drawing.data]
        return go.Figure(traces, drawings[state.chart_kind].layout)

    def _redraw(self, _change: object = None) -> None:
        drawing = self._drawing()
        picture = self.stage.scene.picture
        self._place.drawn = picture.id if picture else ""  # first: what differs is not seen
        for shown, trace in zip(self.figure.data, drawing.data, strict=True):
            trace.uid = shown.uid
        # A view that is opened from here on starts from these two; plotly sends them only once,
        # at construction, and a view that opens after a change would show what was before it.
        plain = drawing.to_plotly_json()
        self.figure.set_trait("_widget_data", plain["data"])
        self.figure.set_trait("_widget_layout", plain["layout"])
        with self.figure.batch_update():
            for shown, wanted in zip(self.figure.data, drawing.data, strict=True):
                _change_in_place(shown, wanted)
            _change_in_place(self.figure.layout, drawing.layout)


def empty(scene: Scene) -> str:
    """Say why there is nothing to draw, if that is so."""
    if scene.picture is None:
        return NOTHING_YET
    return COMPARING if scene.busy else NOT_COMPARED


def _change_in_place(shown: Any, wanted: Any) -> None:  # plotly has no types
    old, new = dict(_leaves(shown.to_plotly_json())), dict(_leaves(wanted.to_plotly_json()))
    for path in old.keys() | new.keys():
        if old.get(path) != new.get(path):
            shown[path] = new.get(path)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
