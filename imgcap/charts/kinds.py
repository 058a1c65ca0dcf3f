"""The chart kinds that a person can choose from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plotly import graph_objects as go

from imgcap.charts.confidence import bar, line, pie
from imgcap.charts.marks import NOTHING_YET
from imgcap.charts.theme import DARK, LIGHT, Theme
from imgcap.inference import Classification


@dataclass(frozen=True)
class Kind:
    """A chart kind: its key, its name for a person, and the function that draws it.

    The function takes the classification, how many labels are drawn by themselves, the theme, and
    the sentence that stands in the chart's place if there is nothing to draw. The number and the
    types of a kind's traces are the same whatever it is given, so that a figure on a page can be
    changed in place.
    """

    key: str
    name: str
    draw: Callable[[Classification | None, int, Theme, str], go.Figure]


KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("bar", "Horizontal bar", bar),
        Kind("pie", "Pie", pie),
        Kind("line", "Line", line),
    )
}


def figure(
    kind: str,
    classification: Classification | None,
    *,
    top: int = 5,
    dark: bool = False,
    empty: str = NOTHING_YET,
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
        Colours for a dark page instead of a light one.
    empty : str
        The sentence.
    """
    return KINDS[kind].draw(classification, top, DARK if dark else LIGHT, empty)
