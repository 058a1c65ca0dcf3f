"""The chart kinds that a person can choose from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from plotly import graph_objects as go

from imgcap.charts.confidence import bar, line, pie
from imgcap.charts.heat import heat, score_rows
from imgcap.charts.marks import NOTHING_YET
from imgcap.charts.solid import bars, space, space_rows
from imgcap.charts.tables import Embeddings, ScoreTable
from imgcap.charts.theme import DARK, LIGHT, Theme
from imgcap.inference import Classification

Subject = Literal["picture", "prompts", "pictures", "space"]
Drawable = Classification | ScoreTable | Embeddings


@dataclass(frozen=True)
class Kind:
    """A chart kind: its key, its name for a person, what it is about, and what draws it.

    Parameters
    ----------
    key, name : str
        For the program, and for a person.
    subject : {"picture", "prompts", "pictures", "space"}
        What it draws: the `Classification` of one picture; a `ScoreTable` of one picture, a row a
        prompt template; a `ScoreTable` of all pictures; their `Embeddings`.
    draw : callable
        Takes it, how many labels are drawn by themselves, the theme, and the sentence that stands
        in the chart's place if there is nothing to draw. The number and the types of a kind's
        traces are the same whatever it is given, so that a figure on a page can be changed in
        place.
    rows : callable, optional
        Takes it and the number of labels; returns the same as a table of text, the names of its
        columns first.
    solid : bool
        Whether it has three dimensions and can be turned.
    """

    key: str
    name: str
    subject: Subject
    draw: Callable[[Any, int, Theme, str], go.Figure]
    rows: Callable[[Any, int], list[tuple[str, ...]]] | None = None
    solid: bool = False


def _picture_rows(table: ScoreTable, top: int) -> list[tuple[str, ...]]:
    return score_rows(table, "Picture", top)


def _prompt_rows(table: ScoreTable, top: int) -> list[tuple[str, ...]]:
    return score_rows(table, "Prompt", top)


KINDS: Mapping[str, Kind] = {
    kind.key: kind
    for kind in (
        Kind("bar", "Horizontal bar", "picture", bar),
        Kind("pie", "Pie", "picture", pie),
        Kind("line", "Line", "picture", line),
        Kind("prompts", "Heat map of prompts", "prompts", heat, _prompt_rows),
        Kind("pictures", "Heat map of all pictures", "pictures", heat, _picture_rows),
        Kind("bars", "3-D bars of all pictures", "pictures", bars, _picture_rows, solid=True),
        Kind("space", "3-D embedding space", "space", space, space_rows, solid=True),
    )
}


def figure(
    kind: str,
    data: Drawable | None,
    *,
    top: int = 5,
    dark: bool = False,
    empty: str = NOTHING_YET,
) -> go.Figure:
    """Draw what a kind is about.

    Parameters
    ----------
    kind : str
        A key of `KINDS`.
    data : Classification, ScoreTable, Embeddings or None
        What the kind's `subject` says. With None or without predictions, one sentence stands in
        the chart's place.
    top : int
        How many of the best labels are drawn by themselves, at most `MOST_MARKS` (and in a pie
        as many as there are colours). The others are drawn together, where scores sum to 1.
    dark : bool
        Colours for a dark page instead of a light one.
    empty : str
        The sentence.
    """
    return KINDS[kind].draw(data, top, DARK if dark else LIGHT, empty)
