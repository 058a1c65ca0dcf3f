"""What an adapter is worth: accuracy before and after, and the gain, each with its interval."""

from collections.abc import Sequence
from dataclasses import dataclass

from plotly import graph_objects as go

from imgcap.charts.statistics.panes import error_bars, judged, panes, percentages
from imgcap.charts.theme import DARK, LIGHT, literally, wrapped
from imgcap.feedback.statistics import Accuracy
from imgcap.percentages import share_percent

_APART = 0.14
"""Between the rows of before and after, in rows."""
_CELLS = 13
_LEFT, _RIGHT = (0, 0.55), (0.7, 1)


@dataclass(frozen=True)
class Compared:
    """Some judged pictures, answered without an adapter and with it.

    Parameters
    ----------
    name : str
        Which pictures.
    before, after : Accuracy
        Of the answers to them.
    gain, low, high : float
        What is gained in accuracy, and its 95 % interval, which tells more than those of the two
        accuracies, since they are of the same pictures.
    """

    name: str
    before: Accuracy
    after: Accuracy
    gain: float
    low: float
    high: float


def learning_figure(parts: Sequence[Compared], *, dark: bool = False, empty: str) -> go.Figure:
    """Draw what an adapter changes; without parts, `empty` stands in the chart's place.

    The number and the types of traces are always the same, so that a figure on a page can be
    changed in place.
    """
    theme = DARK if dark else LIGHT
    places = list(range(len(parts)))
    traces = [
        go.Scatter(
            mode="markers",
            x=[100 * (each.share or 0) for each in accuracies],
            y=[place + shift for place in places],
            error_x=error_bars(accuracies, colour),
            cliponaxis=False,
            hovertext=[
                f"<b>{wrapped(part.name)}</b><br>{word}: {literally(judged(each))}"
                for part, each in zip(parts, accuracies, strict=True)
            ],
            hoverinfo="text",
            marker={"size": 11, "color": colour, "symbol": symbol, "line": {"width": 2}},
        )
        for word, colour, symbol, shift, accuracies in (
            ("Before", theme.rest, "circle-open", -_APART, [part.before for part in parts]),
            ("After", theme.accent, "circle", _APART, [part.after for part in parts]),
        )
    ]
    gains = go.Scatter(
        mode="markers",
        x=[100 * part.gain for part in parts],
        y=places,
        xaxis="x2",
        error_x={
            "type": "data",
            "symmetric": False,
            "array": [100 * (part.high - part.gain) for part in parts],
            "arrayminus": [100 * (part.gain - part.low) for part in parts],
            "color": theme.ink,
            "thickness": 1.5,
            "width": 3,
        },
        cliponaxis=False,
        hovertext=[f"<b>{wrapped(part.name)}</b><br>{literally(points(part))}" for part in parts],
        hoverinfo="text",
        marker={"size": 11, "color": theme.accent, "line": {"color": theme.ink, "width": 1}},
    )
    if not parts:
        return panes([*traces, gains], theme, sentence=empty)
    return panes(
        [*traces, gains],
        theme,
        titles=[
            {"text": "○ before, ● after", "x": _LEFT[0], "y": 1.01},
            {"text": "Gain", "x": _RIGHT[0], "y": 1.01},
        ],
        xaxis={**percentages(""), "domain": _LEFT, "tickvals": [0, 50, 100]}
        | {"ticktext": ["0", "50", share_percent(1)]},
        yaxis={
            "tickvals": places,
            "ticktext": [wrapped(part.name, _CELLS) for part in parts],
            "range": [len(parts) - 0.5, -0.5],
            "showgrid": False,
        },
        xaxis2={
            "domain": _RIGHT,
            "anchor": "y",
            "showgrid": True,
            "zeroline": True,
            "zerolinecolor": theme.ink,
            "zerolinewidth": 1.5,
            "nticks": 4,
            "tickangle": 0,
        },
    )


def points(part: Compared) -> str:
    """Write a gain with its interval, as ``+12.0 points (3.1 to 20.4)``."""
    return f"{100 * part.gain:+.1f} points ({100 * part.low:+.1f} to {100 * part.high:+.1f})"
