"""A plotly figure on a page that holds the traces of several charts and changes in place."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from plotly import graph_objects as go

_CONFIG = {
    "displaylogo": False,
    "modeBarButtons": [["toImage"]],
    "responsive": True,
    "showSendToCloud": False,
    "typesetMath": False,  # a label such as $x$ is shown as it is, also where MathJax is loaded
}


def composed(drawings: Mapping[str, go.Figure], chosen: str) -> go.Figure:
    """Return one figure with the traces of all drawings, of which only the chosen one's are seen.

    A figure costs a page 5 MB, and plotly cannot change a trace's type in place.
    """
    for key, drawing in drawings.items():
        drawing.update_traces(visible=key == chosen)
    traces = [trace for drawing in drawings.values() for trace in drawing.data]
    return go.Figure(traces, drawings[chosen].layout)


def living(drawing: go.Figure, file_name: str) -> go.FigureWidget:
    """Return a drawing as a widget; `file_name` is that of a picture which a visitor keeps."""
    widget = go.FigureWidget(drawing)
    image = {"filename": file_name, "scale": 2}
    widget.set_trait("_config", {**_CONFIG, "toImageButtonOptions": image})
    return widget


def redraw(widget: go.FigureWidget, drawing: go.Figure) -> None:
    """Make the widget look like another drawing with the same kinds of traces."""
    for shown, trace in zip(widget.data, drawing.data, strict=True):
        trace.uid = shown.uid
    # A view that is opened from here on starts from these two; plotly sends them only once,
    # at construction, and a view that opens after a change would show what was before it.
    plain = drawing.to_plotly_json()
    widget.set_trait("_widget_data", plain["data"])
    widget.set_trait("_widget_layout", plain["layout"])
    with widget.batch_update():
        for shown, wanted in zip(widget.data, drawing.data, strict=True):
            _change_in_place(shown, wanted)
        _change_in_place(widget.layout, drawing.layout)


def _change_in_place(shown: Any, wanted: Any) -> None:  # plotly has no types
    old, new = dict(_leaves(shown.to_plotly_json())), dict(_leaves(wanted.to_plotly_json()))
    for path in old.keys() | new.keys():
        if not _same(old.get(path), new.get(path)):
            shown[path] = new.get(path)


def _same(one: Any, other: Any) -> bool:
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        return np.array_equal(one, other)
    return bool(one == other)


def _leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
