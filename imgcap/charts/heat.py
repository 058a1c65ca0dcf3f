"""Heat maps: labels beside each other, and below each other pictures or prompt templates."""

import math
from collections.abc import Sequence

from plotly import graph_objects as go

from imgcap.charts.marks import Mark, exact_percent, shortened
from imgcap.charts.tables import ScoreTable
from imgcap.charts.theme import Theme, drawing, literally, wrapped
from imgcap.inference.summary import percent

SCALE_ENDS = (0.05, 0.1, 0.25, 0.5, 1)
"""Where a scale of colours may end; of a thousand labels, few get much."""

_ROW_CELLS, _COLUMN_CELLS = 16, 14
_MOST_TICKS = 12
_MOST_WRITTEN = 8  # columns wide enough for their percentages on a telephone
_MOST_GAPS = 40  # more rows than this would be mostly gaps


def heat(table: ScoreTable | None, top: int, theme: Theme, empty: str) -> go.Figure:
    """Draw a cell for each row and each of the labels that are best in the mean."""
    marks, scores = table.columns(top) if table else ([], ())
    rows = table.rows if table else ()
    few = len(rows) <= _MOST_TICKS and len(marks) <= _MOST_WRITTEN
    gap = 1 if len(rows) <= _MOST_GAPS else 0
    end = scale_end([max(row, default=0) for row in scores])
    cells = go.Heatmap(
        x=list(range(len(marks))),
        y=list(range(len(rows))),
        z=[[100 * score for score in row] for row in scores],
        zmin=0,
        zmax=100 * end,
        text=[[percent(score) for score in row] for row in scores] if few else None,
        texttemplate="%{text}" if few else None,
        hovertext=[
            [cell_hover(name, mark, score) for mark, score in zip(marks, row, strict=True)]
            for name, row in zip(rows, scores, strict=True)
        ],
        hoverinfo="text",
        colorscale=colours(theme),
        colorbar={
            "orientation": "h",
            "x": 0.5,
            "y": 1,
            "yanchor": "bottom",
            "ypad": 4,
            "thickness": 8,
            "len": 0.8,
            "outlinewidth": 0,
            "tickvals": [0, 50 * end, 100 * end],
            "ticktext": ["0", f"{50 * end:g}", f"{100 * end:g} %"],
            "ticklabelposition": "outside top",
        },
        showscale=bool(marks),
        xgap=gap,
        ygap=gap,
    )
    if not marks:
        return drawing(cells, theme, sentence=empty)
    return drawing(
        cells,
        theme,
        xaxis={
            "tickvals": list(range(len(marks))),
            "ticktext": [mark.text(_COLUMN_CELLS) for mark in marks],
            "tickfont": {"size": 11},
            "ticklabeloverflow": "allow",
            "autotickangles": [0, 45, 90],
            "range": [-0.5, len(marks) - 0.5],
            "showgrid": False,
        },
        yaxis=row_ticks(rows, _ROW_CELLS)
        | {
            "tickfont": {"size": 11},
            "ticklabeloverflow": "allow",
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
        },
    )


def colours(theme: Theme) -> list[list[float | str]]:
    """Return the theme's scale as plotly takes it."""
    last = len(theme.scale) - 1
    return [[place / last, colour] for place, colour in enumerate(theme.scale)]


def scale_end(scores: Sequence[float]) -> float:
    """Return where a scale of colours ends that has to hold all scores."""
    most = max(scores, default=0)
    return next((end for end in SCALE_ENDS if most <= end), 1)


def row_ticks(rows: Sequence[str], cells: int) -> dict[str, list[int] | list[str]]:
    """Return plotly's settings of an axis that names as many rows as there is room for."""
    every = max(1, math.ceil(len(rows) / _MOST_TICKS))
    places = list(range(0, len(rows), every))
    return {"tickvals": places, "ticktext": [shortened(rows[n], cells) for n in places]}


def cell_hover(row: str, mark: Mark, score: float) -> str:
    """Return for plotly's markup what stands under the pointer: row, label, exact score."""
    return f"{wrapped(row)}<br>{wrapped(mark.label)}<br><b>{literally(exact_percent(score))}</b>"


def score_rows(table: ScoreTable, first: str, top: int) -> list[tuple[str, ...]]:
    """Return what is drawn as a table of text, the names of its columns first."""
    marks, scores = table.columns(top)
    lines = zip(table.rows, scores, strict=True)
    return [
        (first, *(mark.label for mark in marks)),
        *((name, *(exact_percent(score) for score in row)) for name, row in lines),
    ]
