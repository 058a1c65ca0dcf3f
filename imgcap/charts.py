"""Result -> plotly figure: one function a chart kind, and the table of kinds."""

import html
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plotly import graph_objects as go
from rich.cells import cell_len, set_cell_size

from imgcap.inference import Classification
from imgcap.inference.summary import percent

MOST_MARKS = 15
"""More labels than this have no room beside each other on a telephone."""

HEIGHT = 340
"""Of every chart in pixels: a figure whose height changes in place no longer follows the width."""

OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008), black left out."""

NOTHING_YET = "Nothing to chart yet: labels appear here once a picture has been looked at."
NO_WHOLE = (
    "Each label was scored by itself, so the scores are not slices of one whole: "
    "choose another chart."
)

_AXIS_LABEL = 22  # character cells: half the width of a telephone
_NARROW_LABEL = 16  # where labels stand beside each other, or on both sides of a pie
_HOVER_LINE = 34
_FEWEST_ROWS = 5  # fewer bars than this do not grow thicker
_ROOM_INSIDE = 0.5  # a bar of this length holds its own percentage


@dataclass(frozen=True)
class Theme:
    """The colours of a chart on a light or a dark page, as CSS colours."""

    ink: str
    grid: str
    accent: str
    rest: str
    surface: str


LIGHT = Theme("#1c2430", "rgba(28, 36, 48, 0.16)", OKABE_ITO[4], "#667180", "#ffffff")
DARK = Theme("#e6eaf0", "rgba(230, 234, 240, 0.2)", OKABE_ITO[1], "#929ba6", "#1b212a")


@dataclass(frozen=True)
class Mark:
    """One bar, slice or point: a label, or all labels beyond the best ones together.

    Parameters
    ----------
    label : str
        As it came, not escaped.
    score : float
        In 0..1.
    others : int
        How many labels it stands for, or 0 if it is a label of its own.
    """

    label: str
    score: float
    others: int = 0

    def text(self, cells: int) -> str:
        """Return the label for plotly's markup, shortened to so many character cells."""
        if self.others:
            return f"<i>{self.label}</i>"
        if cell_len(self.label) <= cells:
            return _literally(self.label)
        return _literally(set_cell_size(self.label, cells - 1).rstrip()) + "…"

    @property
    def hover(self) -> str:
        """The whole label and its exact score, for plotly's markup."""
        return f"{_wrapped(self.label)}<br><b>{exact_percent(self.score)}</b>"


@dataclass(frozen=True)
class Kind:
    """A chart kind: its key, its name for a person, and the function that draws it.

    The number and the types of a kind's traces are the same whatever it is given, nothing
    included, so that a figure on a page can be changed in place.
    """

    key: str
    name: str
    draw: Callable[[Classification | None, int, Theme], go.Figure]


def figure(
    kind: str, classification: Classification | None, *, top: int = 5, dark: bool = False
) -> go.Figure:
    """Draw a classification.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    classification : Classification or None
        With None or without predictions, one sentence stands in the chart's place.
    top : int
        How many of the best labels are drawn by themselves, at most `MOST_MARKS` (and in a pie
        as many as there are colours). The others are drawn together, where scores sum to 1.
    dark : bool
        Colours for a dark page instead of a light one; the background is transparent.
    """
    return KINDS[kind].draw(classification, top, DARK if dark else LIGHT)


def bar(classification: Classification | None, top: int, theme: Theme) -> go.Figure:
    """Draw horizontal bars, the best on top."""
    marks = best_marks(classification, top)
    places = list(range(len(marks)))
    trace = go.Bar(
        orientation="h",
        x=[100 * mark.score for mark in marks],
        y=places,
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
        return _figure(trace, theme, sentence=NOTHING_YET)
    middle, half = (len(marks) - 1) / 2, max(len(marks), _FEWEST_ROWS) / 2
    return _figure(
        trace,
        theme,
        xaxis=_percentages(),
        yaxis=_labels(marks, _AXIS_LABEL) | {"range": [middle + half, middle - half]},
    )


def pie(classification: Classification | None, top: int, theme: Theme) -> go.Figure:
    """Draw slices clockwise from the best, or say why scores that share nothing have none."""
    sentence = NO_WHOLE if classification and classification.independent else ""
    marks = [] if sentence else best_marks(classification, min(top, len(OKABE_ITO)))
    colours = [theme.rest if mark.others else OKABE_ITO[i] for i, mark in enumerate(marks)]
    trace = go.Pie(
        labels=[str(place) for place in range(len(marks))],  # plotly adds up equal labels
        values=[mark.score for mark in marks],
        text=[f"{mark.text(_NARROW_LABEL)}<br>{percent(mark.score)}" for mark in marks],
        textinfo="text",
        textposition="outside",
        automargin=True,
        sort=False,
        direction="clockwise",
        hovertext=[mark.hover for mark in marks],
        hoverinfo="text",
        showlegend=False,
        marker={"colors": colours, "line": {"color": theme.ink, "width": 1}},
    )
    return _figure(trace, theme, sentence=sentence or ("" if marks else NOTHING_YET))


def line(classification: Classification | None, top: int, theme: Theme) -> go.Figure:
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
        return _figure(trace, theme, sentence=NOTHING_YET)
    return _figure(
        trace,
        theme,
        xaxis=_labels(marks, _NARROW_LABEL) | {"range": [-0.5, len(marks) - 0.5]},
        yaxis=_percentages(),
    )


KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("bar", "Horizontal bar", bar),
        Kind("pie", "Pie", pie),
        Kind("line", "Line", line),
    )
}


def best_marks(classification: Classification | None, top: int) -> list[Mark]:
    """Return the marks of a chart: the best labels, then the others together if that has sense."""
    if not classification:
        return []
    top = max(1, min(top, MOST_MARKS))
    best, rest = classification.predictions[:top], classification.predictions[top:]
    marks = [Mark(prediction.label, prediction.score) for prediction in best]
    if rest and not classification.independent:
        label = f"{len(rest):,} other label{'s' if len(rest) > 1 else ''}"
        marks.append(Mark(label, sum(prediction.score for prediction in rest), len(rest)))
    return marks


def exact_percent(score: float) -> str:
    """Write a score in 0..1 with three decimals, never as a false certainty."""
    thousandths = round(100_000 * score)
    if thousandths >= 100_000:  # noqa: PLR2004
        return "over 99.999 %"
    return f"{thousandths / 1000:.3f} %" if thousandths else "under 0.001 %"


def _literally(text: str) -> str:
    return html.escape(text, quote=False)  # plotly shows &quot; as it is


def _wrapped(text: str) -> str:
    return "<br>".join(map(_literally, textwrap.wrap(text, _HOVER_LINE)))


def _percentages() -> dict[str, Any]:
    return {
        "range": [0, 100],
        "tickvals": [0, 25, 50, 75, 100],
        "ticktext": ["0", "25", "50", "75", "100 %"],
        "showgrid": True,
    }


def _labels(marks: Sequence[Mark], cells: int) -> dict[str, Any]:
    # Places, not names: labels that look alike once shortened must not become one mark.
    return {
        "tickvals": list(range(len(marks))),
        "ticktext": [mark.text(cells) for mark in marks],
        "ticklabeloverflow": "allow",  # else plotly hides the last one; the margin grows instead
        "autotickangles": [0, 45, 90],
        "showgrid": False,
    }


def _figure(
    trace: Any,  # noqa: ANN401  # plotly has no types
    theme: Theme,
    *,
    sentence: str = "",
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
) -> go.Figure:
    """Put a trace on a transparent, quiet page; axes that are not given are not there."""
    note = {
        "text": _wrapped(sentence),
        "showarrow": False,
        **dict.fromkeys(("x", "y"), 0.5),
        **dict.fromkeys(("xref", "yref"), "paper"),
    }
    layout = go.Layout(
        template="none",
        font={"family": "var(--imgcap-font, system-ui, sans-serif)", "color": theme.ink},
        paper_bgcolor="rgba(0, 0, 0, 0)",
        plot_bgcolor="rgba(0, 0, 0, 0)",
        margin={"l": 12, "r": 28, "t": 28, "b": 12, "pad": 6},
        height=HEIGHT,
        autosize=True,  # said aloud, as plotly freezes the width once this is taken back
        showlegend=False,
        dragmode=False,
        bargap=0.3,
        hoverlabel={
            "bgcolor": theme.surface,
            "bordercolor": theme.ink,
            "font": {"color": theme.ink},
            "align": "left",
        },
        modebar={"bgcolor": "rgba(0, 0, 0, 0)", "color": theme.rest, "activecolor": theme.ink},
        annotations=[note] if sentence else [],
        xaxis=_axis(xaxis, theme),
        yaxis=_axis(yaxis, theme),
    )
    return go.Figure([trace], layout)


def _axis(settings: Mapping[str, Any] | None, theme: Theme) -> dict[str, Any]:
    if settings is None:
        return {"visible": False}
    return {
        "visible": True,
        "automargin": True,
        "fixedrange": True,
        "zeroline": False,
        "gridcolor": theme.grid,
        **settings,
    }
