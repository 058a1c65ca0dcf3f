"""What charts of all feedback are made of: traces on one or two panes, figures, names."""

from collections.abc import Mapping, Sequence
from typing import Any

from plotly import graph_objects as go

from imgcap.charts.marks import shortened
from imgcap.charts.theme import Theme, drawing, literally, wrapped
from imgcap.feedback.statistics import Accuracy, Ratings
from imgcap.percentages import share_percent

PANE_HEIGHT = 440
"""Pixels, of every chart of all feedback."""
OTHERS = "all others"
NOT_JUDGED = "not judged"


def panes(  # noqa: PLR0913  # one keyword an axis
    traces: Sequence[Any],
    theme: Theme,
    *,
    sentence: str = "",
    titles: Sequence[Mapping[str, Any]] = (),
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    xaxis2: Mapping[str, Any] | None = None,
    yaxis2: Mapping[str, Any] | None = None,
    **layout: Any,  # noqa: ANN401  # plotly has no types
) -> go.Figure:
    """Put traces, or a sentence in their place, on a page of the theme.

    Parameters
    ----------
    traces : sequence of plotly.basedatatypes.BaseTraceType
        What is drawn.
    theme : Theme
        The colours.
    sentence : str
        Stands in the middle; nothing else is then given.
    titles : sequence of mapping
        Annotations with the words over a pane; `x` and `y` are shares of the page.
    xaxis, yaxis, xaxis2, yaxis2 : mapping, optional
        Settings of plotly's; the axes of a second pane look like those of the first.
    **layout
        More of plotly's layout.
    """
    first, *rest = traces
    if titles:
        layout["annotations"] = [
            {
                "showarrow": False,
                "xref": "paper",
                "yref": "paper",
                "xanchor": "left",
                "yanchor": "bottom",
                "font": {"size": 12},
                **title,
            }
            for title in titles
        ]
    page = {
        "height": PANE_HEIGHT,
        "plot_bgcolor": "rgba(0, 0, 0, 0)",  # of the upper pane, also where it shows nothing
        **layout,
    }
    figure = drawing(first, theme, sentence=sentence, xaxis=xaxis, yaxis=yaxis, **page)
    figure.add_traces(rest)
    look = {"automargin": True, "fixedrange": True, "zeroline": False, "gridcolor": theme.grid}
    for name, settings in (("xaxis2", xaxis2), ("yaxis2", yaxis2)):
        figure.layout[name] = {"visible": False} if settings is None else look | dict(settings)
    return figure


def percentages(title: str) -> dict[str, Any]:
    """Return an axis from 0 to 100 %."""
    return {
        "title": {"text": title, "font": {"size": 12}},
        "range": [0, 100],
        "tickvals": [0, 25, 50, 75, 100],
        "ticktext": ["0", "25", "50", "75", share_percent(1)],
        "showgrid": True,
    }


def presentable(name: str | None) -> str:
    """Return a name in one line that can be sent to a page; None is all others together."""
    if name is None:
        return OTHERS
    whole = name.encode("utf-8", "replace").decode("utf-8")  # half an emoji cannot be sent
    return " ".join(whole.split())


def tick(name: str | None, cells: int) -> str:
    """Return a name for plotly's markup that takes at most so many character cells."""
    return f"<i>{OTHERS}</i>" if name is None else shortened(presentable(name), cells)


def hover(name: str | None, *lines: str) -> str:
    """Return for plotly's markup what stands under the pointer: the whole name, then lines."""
    return "<br>".join([f"<b>{wrapped(presentable(name))}</b>", *map(literally, lines)])


def rated(ratings: Ratings) -> str:
    """Say how many ratings there are, and their mean."""
    if ratings.mean is None:
        return "no ratings"
    count = f"{ratings.count:,} rating{'s' if ratings.count > 1 else ''}"
    return f"{count}, mean {ratings.mean:.2f} of 5"


def judged(accuracy: Accuracy) -> str:
    """Say how many of the judged answers were right, with the interval."""
    if accuracy.share is None:
        return NOT_JUDGED
    return f"{exact_share(accuracy.share)} right of {accuracy.judged:,} judged ({span(accuracy)})"


def span(accuracy: Accuracy) -> str:
    """Write the interval of an accuracy that was judged, as ``73 % to 87 %``."""
    low, high = accuracy.low or 0.0, accuracy.high or 0.0
    return f"{share_percent(low)} to {share_percent(high)}"


def exact_share(share: float) -> str:
    """Write a share in 0..1 with one decimal; what is written as all or nothing is so."""
    tenths = round(1000 * share)
    if 0 < share < 1:
        tenths = min(max(tenths, 1), 999)
    return share_percent(tenths / 1000, decimals=1)


def error_bars(accuracies: Sequence[Accuracy], colour: str) -> dict[str, Any]:
    """Return plotly's settings of the intervals of accuracies in percent."""
    return {
        "type": "data",
        "symmetric": False,
        "array": [100 * ((a.high or 0) - (a.share or 0)) for a in accuracies],
        "arrayminus": [100 * ((a.share or 0) - (a.low or 0)) for a in accuracies],
        "color": colour,
        "thickness": 1.5,
        "width": 3,
    }
