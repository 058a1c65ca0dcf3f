"""How every chart looks: its colours, its page, its axes, and text that stays text."""

import html
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plotly import graph_objects as go

HEIGHT = 340
"""Of every chart in pixels: a figure whose height changes in place no longer follows the width."""

OKABE_ITO = ("#E69F00", "#56B4E9", "#009E73", "#F0E442", "#0072B2", "#D55E00", "#CC79A7")
"""Colours that people with any colour vision tell apart (Okabe and Ito 2008), black left out."""

_LINE = 34


@dataclass(frozen=True)
class Theme:
    """The colours of a chart on a light or a dark page, as CSS colours.

    `scale` runs from what recedes into the page to what stands out from it, in one hue, so that
    lightness alone tells little from much.
    """

    ink: str
    grid: str
    accent: str
    rest: str
    surface: str
    scale: tuple[str, ...]


LIGHT = Theme(
    "#1c2430",
    "rgba(28, 36, 48, 0.16)",
    OKABE_ITO[4],
    "#667180",
    "#ffffff",
    ("#eef5fb", "#b5d8f0", "#56b4e9", "#0072b2", "#012f4f"),
)
DARK = Theme(
    "#e6eaf0",
    "rgba(230, 234, 240, 0.2)",
    OKABE_ITO[1],
    "#929ba6",
    "#1b212a",
    ("#222c38", "#0d4a73", "#0b7ec2", "#56b4e9", "#e3f4ff"),
)


def literally(text: str) -> str:
    """Return text as plotly's markup shows it, whatever it holds."""
    return html.escape(text, quote=False)  # plotly shows &quot; as it is


def wrapped(text: str, width: int = _LINE) -> str:
    """Return text for plotly's markup in lines that, by default, fit a telephone."""
    return "<br>".join(map(literally, textwrap.wrap(text, width)))


def drawing(
    trace: Any,  # noqa: ANN401  # plotly has no types
    theme: Theme,
    *,
    sentence: str = "",
    xaxis: Mapping[str, Any] | None = None,
    yaxis: Mapping[str, Any] | None = None,
    **layout: Any,  # noqa: ANN401
) -> go.Figure:
    """Put a trace, or a sentence in its place, on a quiet page of the theme.

    Parameters
    ----------
    trace : plotly.basedatatypes.BaseTraceType
        What is drawn.
    theme : Theme
        Its `surface` is the background, so that a chart which is kept as a picture has one.
    sentence : str
        Stands in the middle.
    xaxis, yaxis : mapping, optional
        Settings of plotly's; axes that are not given are not there.
    **layout
        More of plotly's layout.
    """
    note = {
        "text": wrapped(sentence),
        "showarrow": False,
        **dict.fromkeys(("x", "y"), 0.5),
        **dict.fromkeys(("xref", "yref"), "paper"),
    }
    page = {
        "template": "none",
        "font": {"family": "var(--imgcap-font, system-ui, sans-serif)", "color": theme.ink},
        "paper_bgcolor": theme.surface,
        "plot_bgcolor": theme.surface,
        "margin": {"l": 12, "r": 28, "t": 28, "b": 12, "pad": 6},
        "height": HEIGHT,
        "autosize": True,  # said aloud, as plotly freezes the width once this is taken back
        "showlegend": False,
        "dragmode": False,
        "bargap": 0.3,
        "hoverlabel": {
            "bgcolor": theme.surface,
            "bordercolor": theme.ink,
            "font": {"color": theme.ink},
            "align": "left",
        },
        "modebar": {
            "bgcolor": "rgba(0, 0, 0, 0)",
            "color": theme.rest,
            "activecolor": theme.ink,
        },
        "annotations": [note] if sentence else [],
        "xaxis": _axis(xaxis, theme),
        "yaxis": _axis(yaxis, theme),
    }
    return go.Figure([trace], go.Layout(page | layout))


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
