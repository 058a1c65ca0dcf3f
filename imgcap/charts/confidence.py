"""The charts of one picture's labels and scores: bars, a pie, a line."""

from collections.abc import Sequence
from typing import Any

from plotly import graph_objects as go

from imgcap.charts.marks import Mark, best_marks, mark_names
from imgcap.charts.theme import OKABE_ITO, Theme, drawing
from imgcap.inference import Classification
from imgcap.percentages import percent, share_percent

NO_WHOLE = (
    "Each label was scored by itself, so the scores are not slices of one whole: "
    "choose another chart."
)

_AXIS_LABEL = 22  # character cells: half the width of a telephone
_NARROW_LABEL = 16  # where labels stand beside each other
_LEGEND_LABEL = 20
_FEWEST_ROWS = 5  # fewer bars than this do not grow thicker
_ROOM_INSIDE = 0.5  # a bar of this length holds its own percentage
_ROOM_IN_SLICE = 0.06  # and so does a slice of this share


def bar(classification: Classification | None, top: int, theme: Theme, empty: str) -> go.Figure:
    """Draw horizontal bars, the best on top."""
    marks = best_marks(classification, top)
    trace = go.Bar(
        orientation="h",
        x=[100 * mark.score for mark in marks],
        y=list(range(len(marks))),
        text=[percent(mark.score) for mark in marks],
        textposition=["inside" if mark.score >= _ROOM_INSIDE else "outside" for mark in marks],
        textangle=0,
        constraintext="none",
        insidetextanchor="end",
        insidetextfont={"color": theme.surface},
        cliponaxis=False,
        hovertext=[mark.hover for mark in marks],
        hoverinfo="text",
        marker={"color": [theme.rest if mark.others else theme.accent for mark in marks]},
    )
    if not marks:
        return drawing(trace, theme, sentence=empty)
    middle, half = (len(marks) - 1) / 2, max(len(marks), _FEWEST_ROWS) / 2
    return drawing(
        trace,
        theme,
        xaxis=_percentages(),
        yaxis=_labels(marks, _AXIS_LABEL) | {"range": [middle + half, middle - half]},
    )


def pie(classification: Classification | None, top: int, theme: Theme, empty: str) -> go.Figure:
    """Draw slices clockwise from the best, or say why scores that share nothing have none.

    Labels stand in the legend: beside tiny slices they would lie on top of each other.
    """
    sentence = NO_WHOLE if classification and classification.independent else ""
    marks = [] if sentence else best_marks(classification, min(top, len(OKABE_ITO)))
    colours = [theme.rest if mark.others else OKABE_ITO[i] for i, mark in enumerate(marks)]
    trace = go.Pie(
        labels=[
            # Plotly adds up slices with equal labels, so each gets another number of nothings.
            f"{name}  {percent(mark.score)}" + place * "\u200b"
            for place, (name, mark) in enumerate(
                zip(mark_names(marks, _LEGEND_LABEL), marks, strict=True)
            )
        ],
        values=[mark.score for mark in marks],
        text=[percent(mark.score) if mark.score >= _ROOM_IN_SLICE else "" for mark in marks],
        textinfo="text",
        textposition="inside",
        insidetextorientation="horizontal",
        sort=False,
        direction="clockwise",
        hovertext=[mark.hover for mark in marks],
        hoverinfo="text",
        marker={"colors": colours, "line": {"color": theme.ink, "width": 1}},
    )
    return drawing(
        trace,
        theme,
        sentence=sentence or ("" if marks else empty),
        showlegend=bool(marks),
        legend={
            **dict.fromkeys(("itemclick", "itemdoubleclick"), False),
            "x": 1,
            "y": 0.5,
            "font": {"size": 11},
        },
    )


def line(classification: Classification | None, top: int, theme: Theme, empty: str) -> go.Figure:
    """Draw points from the best label to the last, with a line through them."""
    marks = best_marks(classification, top)
    trace = go.Scatter(
        mode="lines+markers",
        x=list(range(len(marks))),
        y=[100 * mark.score for mark in marks],
        cliponaxis=False,
        hovertext=[mark.hover for mark in marks],
        hoverinfo="text",
        line={"color": theme.accent, "width": 2},
        marker={
            "size": 9,
            "color": [theme.rest if mark.others else theme.accent for mark in marks],
        },
    )
    if not marks:
        return drawing(trace, theme, sentence=empty)
    return drawing(
        trace,
        theme,
        xaxis=_labels(marks, _NARROW_LABEL) | {"range": [-0.5, len(marks) - 0.5]},
        yaxis=_percentages(),
    )


def _percentages() -> dict[str, Any]:
    return {
        "range": [0, 100],
        "tickvals": [0, 25, 50, 75, 100],
        "ticktext": ["0", "25", "50", "75", share_percent(1)],
        "showgrid": True,
    }


def _labels(marks: Sequence[Mark], cells: int) -> dict[str, Any]:
    # Places, not names: labels that look alike once shortened must not become one mark.
    return {
        "tickvals": list(range(len(marks))),
        "ticktext": mark_names(marks, cells),
        "ticklabeloverflow": "allow",  # else plotly hides the last one; the margin grows instead
        "autotickangles": [0, 45, 90],
        "showgrid": False,
    }
