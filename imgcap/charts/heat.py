"""Heat maps: labels beside each other, and below each other pictures or prompt templates."""

import math
import textwrap
from collections.abc import Sequence

from plotly import graph_objects as go
from rich.cells import cell_len

from imgcap.charts.marks import (
    Mark,
    exact_percent,
    mark_names,
    shortened,
    without_shared_start,
)
from imgcap.charts.tables import ScoreTable
from imgcap.charts.theme import Theme, drawing, literally, wrapped
from imgcap.percentages import SIGN

SCALE_ENDS = (0.05, 0.1, 0.25, 0.5, 1)
"""Where a scale of colours may end; of a thousand labels, few get much."""

_ROW_CELLS, _COLUMN_CELLS = 16, 14
_MOST_TICKS = 12
_MOST_IN_LINES = 7  # rows high enough for two lines
_MOST_WRITTEN = 8  # columns wide enough for their percentages on a telephone
_LEAST_WRITTEN = 0.01
_MOST_GAPS = 40  # more rows than this would be mostly gaps


def heat(table: ScoreTable | None, top: int, theme: Theme, empty: str) -> go.Figure:
    """Draw a cell for each row and each of the labels that are best in the mean."""
    marks, scores = table.columns(top) if table else ([], ())
    rows = table.rows if table else ()
    few = len(rows) <= _MOST_TICKS and len(marks) <= _MOST_WRITTEN
    gap = 1 if len(rows) <= _MOST_GAPS else 0
    # The others together often get more than any label: they do not take the colours from it.
    single = [
        score for row in scores for mark, score in zip(marks, row, strict=True) if not mark.others
    ]
    end = scale_end(single)
    beyond = any(score > end for row in scores for score in row)
    cells = go.Heatmap(
        x=list(range(len(marks))),
        y=list(range(len(rows))),
        z=[[100 * score for score in row] for row in scores],
        zmin=0,
        zmax=100 * end,
        text=[[_written(score) for score in row] for row in scores] if few else None,
        texttemplate="%{text}" if few else None,
        textfont={"size": 11},
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
            "ticktext": [
                "0",
                f"{50 * end:g}",
                f"{100 * end:g}{SIGN}{' or more' if beyond else ''}",
            ],
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
            "ticktext": mark_names(marks, _COLUMN_CELLS),
            "tickfont": {"size": 11},
            "ticklabeloverflow": "allow",
            "autotickangles": [0, 90],  # slanted, the last one would need half the width
            "range": [-0.5, len(marks) - 0.5],
            "showgrid": False,
        },
        yaxis=row_ticks(rows, _ROW_CELLS, lines=2 if len(rows) <= _MOST_IN_LINES else 1)
        | {
            "tickfont": {"size": 11},
            "ticklabeloverflow": "allow",
            "range": [len(rows) - 0.5, -0.5],
            "showgrid": False,
        },
    )


def _written(score: float) -> str:
    """Return a score in percent for a narrow cell, never as a false certainty."""
    if score < _LEAST_WRITTEN:
        return ""
    return f"{100 * score:.0f}" if score <= 1 - _LEAST_WRITTEN / 2 else ">99"


def colours(theme: Theme) -> list[list[float | str]]:
    """Return the theme's scale as plotly takes it."""
    last = len(theme.scale) - 1
    return [[place / last, colour] for place, colour in enumerate(theme.scale)]


def scale_end(scores: Sequence[float]) -> float:
    """Return where a scale of colours ends that has to hold all scores."""
    most = max(scores, default=0)
    return next((end for end in SCALE_ENDS if most <= end), 1)


def row_ticks(
    rows: Sequence[str], cells: int, lines: int = 1, most: int = _MOST_TICKS
) -> dict[str, list[int] | list[str]]:
    """Return plotly's settings of an axis that names as many rows as there is room for."""
    every = max(1, math.ceil(len(rows) / most))
    places = list(range(0, len(rows), every))
    names = without_shared_start(rows, cells)
    return {"tickvals": places, "ticktext": [_in_lines(names[n], cells, lines) for n in places]}


def _in_lines(name: str, cells: int, lines: int) -> str:
    """Return a name for plotly's markup in at most so many lines, the last one shortened."""
    first, _, rest = textwrap.fill(name, cells).partition("\n")
    if lines == 1 or not rest or cell_len(first) > cells:
        return shortened(name, cells)
    return f"{literally(first)}<br>{_in_lines(rest.replace(chr(10), ' '), cells, lines - 1)}"


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
