"""Charts in three dimensions: scores as bars on a floor, embeddings as points in space."""

import html
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from plotly import graph_objects as go

from imgcap.charts.beside import seen_from, sides
from imgcap.charts.heat import cell_hover, colours, row_ticks, scale_end
from imgcap.charts.marks import MOST_MARKS, distinct, exact_percent, mark_names, marks_of
from imgcap.charts.tables import Components, Embeddings, ScoreTable
from imgcap.charts.theme import OKABE_ITO, Theme, drawing, wrapped
from imgcap.percentages import SIGN, share_percent

MOST_BARS = 40
"""Rows of bars; behind more of them nothing can be seen."""

FIRST_TURN = 300
"""Degrees; from here bars have the first picture and the first label in front."""

APART = "Pictures and labels are centred apart: compare directions, not distances between kinds."

_MARGIN = {"l": 0, "r": 0, "t": 28, "b": 28, "pad": 0}
_TICK_CELLS = 12
_NAME_CELLS = 16
_MOST_NAMES = 12
_MOST_TICKS = 8
_SIZE, _SMALL = 4, 3  # of points
_FONT = {"size": 11, "family": "sans-serif"}  # what is drawn in space knows no CSS variables
_HALF = 0.36  # of a bar's width
_CORNERS = np.array([(x, y, z) for z in (0, 1) for y in (-1, 1) for x in (-1, 1)])
_SIDES = np.array(
    # Two triangles for each of the six sides, as numbers of corners.
    [int(corner) for corner in "013032457476015054237276026064137175"]
).reshape(-1, 3)
_REACH = 1.75  # of the eye from the middle, on the ground
_HEIGHT = 1.4


def bars(table: ScoreTable | None, top: int, theme: Theme, empty: str) -> go.Figure:
    """Draw a bar for each picture and each of the labels that are best in the mean.

    Of very many pictures the latest are drawn. The others together would be a wall before them.
    """
    if table is None:
        return drawing(go.Mesh3d(), theme, sentence=empty)
    marks, scores = table.columns(top)
    marks = [mark for mark in marks if not mark.others]
    rows, shown = table.rows[-MOST_BARS:], scores[-MOST_BARS:, : len(marks)]
    end = scale_end([float(shown.max())])
    row, column = (index.ravel() for index in np.indices(shown.shape))
    corners = len(_CORNERS)
    heights = np.repeat(100 * shown.ravel(), corners)
    x, y, z = np.tile(_CORNERS, (shown.size, 1)).T
    sides = (_SIDES[None] + corners * np.arange(shown.size)[:, None, None]).reshape(-1, 3).T
    hovers = [cell_hover(rows[r], marks[c], shown[r, c]) for r, c in zip(row, column, strict=True)]
    mesh = go.Mesh3d(
        x=(np.repeat(column, corners) + _HALF * x).tolist(),
        y=(np.repeat(row, corners) + _HALF * y).tolist(),
        z=(heights * z).tolist(),
        **dict(zip("ijk", sides.tolist(), strict=True)),
        intensity=heights.tolist(),
        cmin=0,
        cmax=100 * end,
        colorscale=colours(theme),
        showscale=False,
        flatshading=True,
        lighting={"ambient": 0.85, "diffuse": 0.35, "specular": 0},
        hovertext=[hover for hover in hovers for _ in range(corners)],
        hoverinfo="text",
    )
    more = len(table.rows) - len(rows)
    return drawing(
        mesh,
        theme,
        margin=_MARGIN,
        annotations=[_remark(f"The latest {len(rows)} of {len(table.rows)} pictures", theme)]
        if more
        else [],
        scene=_scene(
            theme,
            xaxis={
                "tickvals": list(range(len(marks))),
                "ticktext": mark_names(marks, _TICK_CELLS),
            },
            yaxis=row_ticks(rows, _TICK_CELLS, most=_MOST_TICKS),
            zaxis={
                "range": [0, 100 * end],
                "tickvals": [0, 50 * end, 100 * end],
                "ticktext": ["0", f"{50 * end:g}", f"{100 * end:g}{SIGN}"],
            },
            aspectratio={"x": 0.95, "y": 1, "z": 0.65},
        ),
    )


def space(embeddings: Embeddings | None, top: int, theme: Theme, empty: str) -> go.Figure:
    """Draw pictures and labels where the first three principal components of them put them.

    The labels that are best in the mean are named, the others are small points.
    """
    if embeddings is None:
        return _pointed([_points() for _ in range(3)], theme, sentence=empty)
    table, found = embeddings.table, embeddings.components
    means = table.means()
    place = {label: number for number, label in enumerate(table.labels)}
    marks = [mark for mark in marks_of(means, top, independent=True) if not mark.others]
    named = [place[mark.label] for mark in marks]
    rest = means[len(marks) :]
    best = table.scores.argmax(axis=1)
    few = len(table.rows) <= _MOST_NAMES
    size = _SIZE if few else _SMALL
    names = distinct(table.rows, _NAME_CELLS) if few else []
    label_names = mark_names(marks, _NAME_CELLS)
    seen = seen_from(np.concatenate([found.pictures, found.labels]), eye(FIRST_TURN))
    drawn = [*range(len(names)), *(len(table.rows) + column for column in named)]
    beside = sides(seen[drawn], [html.unescape(name) for name in names + label_names])
    traces = [
        _points(
            name="Pictures",
            where=found.pictures,
            **_named(names, beside[: len(names)]),
            hovertext=[
                f"{wrapped(name)}<br>{wrapped(table.labels[column])} "
                f"<b>{exact_percent(table.scores[row, column])}</b>"
                for row, (name, column) in enumerate(zip(table.rows, best, strict=True))
            ],
            marker=_marker("circle", size, theme.accent, theme),
        ),
        _points(
            name="Labels",
            where=found.labels[named],
            **_named(label_names, beside[len(names) :]),
            hovertext=[mark.hover + " in the mean" for mark in marks],
            marker=_marker("diamond", size, OKABE_ITO[5], theme),
        ),
        _points(
            name="Other labels",
            where=found.labels[[place[each.label] for each in rest]],
            hovertext=[
                f"{wrapped(each.label)}<br><b>{exact_percent(each.score)}</b> in the mean"
                for each in rest
            ],
            marker=_marker("diamond", 2, theme.rest, theme) | {"opacity": 0.5},
        ),
    ]
    return _pointed(
        traces,
        theme,
        showlegend=True,
        margin=_MARGIN | {"t": 40, "b": 44},
        legend={
            **dict.fromkeys(("itemclick", "itemdoubleclick"), False),
            "orientation": "h",
            "itemsizing": "constant",
            "x": 0,
            "y": 1,
            "yanchor": "bottom",
        },
        annotations=[_remark(APART, theme)],
        scene=_scene(
            theme,
            **{
                f"{axis}axis": {"title": {"text": text}, "showticklabels": False}
                for axis, text in zip("xyz", axis_names(found), strict=True)
            },
        ),
    )


def axis_names(found: Components) -> list[str]:
    """Return the components' names with what they explain, such as ``Component 1 (34 %)``."""
    return [f"Component {n} ({share_percent(share)})" for n, share in enumerate(found.shares, 1)]


def space_rows(embeddings: Embeddings, top: int) -> list[tuple[str, ...]]:
    """Return where pictures and the best labels lie as a table of text."""
    table, found = embeddings.table, embeddings.components
    place = {label: number for number, label in enumerate(table.labels)}
    best = [each.label for each in table.means()[: max(1, min(top, MOST_MARKS))]]
    points = [
        (name, "Picture", point) for name, point in zip(table.rows, found.pictures, strict=True)
    ]
    points += [(label, "Label", found.labels[place[label]]) for label in best]
    return [
        ("Name", "Kind", *axis_names(found)),
        *((name, kind, *(f"{x:.3f}" for x in point)) for name, kind, point in points),
    ]


def eye(degrees: float) -> dict[str, float]:
    """Return plotly's place of an eye that walked so far round the middle."""
    angle = math.radians(degrees)
    return {"x": _REACH * math.cos(angle), "y": _REACH * math.sin(angle), "z": _HEIGHT}


def _points(where: Any = (), **settings: Any) -> go.Scatter3d:  # noqa: ANN401  # plotly's
    x, y, z = np.reshape(where, (-1, 3)).T.tolist()
    return go.Scatter3d(
        mode="markers+text" if settings.get("text") else "markers",
        x=x,
        y=y,
        z=z,
        textfont=_FONT,
        hoverinfo="text",
        showlegend=len(x) > 0,
        **settings,
    )


def _named(names: Sequence[str], beside: Sequence[str]) -> dict[str, Any]:
    """Return plotly's names of points; those that would hide others are left to the pointer."""
    return {
        "text": [name if side else "" for name, side in zip(names, beside, strict=True)] or None,
        "textposition": [side or "top center" for side in beside] or None,
    }


def _marker(symbol: str, size: int, colour: str, theme: Theme) -> dict[str, Any]:
    line = {"color": theme.surface, "width": 1}
    return {"symbol": symbol, "size": size, "color": colour, "line": line}


def _pointed(traces: Sequence[Any], theme: Theme, **layout: Any) -> go.Figure:  # noqa: ANN401
    first, *rest = traces
    return drawing(first, theme, **layout).add_traces(rest)


def _remark(text: str, theme: Theme) -> dict[str, Any]:
    return {
        "text": wrapped(text, 60),
        "showarrow": False,
        "xref": "paper",
        "yref": "paper",
        "x": 0.5,
        "y": 0,
        "yanchor": "top",
        "font": {"size": 11, "color": theme.rest},
    }


def _scene(theme: Theme, **settings: Any) -> dict[str, Any]:  # noqa: ANN401  # plotly's
    look = {
        "color": theme.ink,
        "gridcolor": theme.rest,  # opaque: the drawer in space knows no transparent lines
        "zerolinecolor": theme.rest,
        "showbackground": False,
        "showspikes": False,
        "tickfont": _FONT,
    }
    bare = {"text": "", "font": _FONT}
    axes = {name: look | settings.pop(name, {}) for name in ("xaxis", "yaxis", "zaxis")}
    for axis in axes.values():
        axis["title"] = bare | axis.get("title", {})
    return {
        "bgcolor": theme.surface,
        "dragmode": "turntable",
        "aspectmode": "manual",
        "aspectratio": dict.fromkeys("xyz", 1),
        "camera": {"eye": eye(FIRST_TURN), "center": {"x": 0, "y": 0, "z": -0.22}},
        **axes,
        **settings,
    }
