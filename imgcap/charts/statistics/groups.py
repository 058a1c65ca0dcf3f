"""The charts of what was said by predicted label and by checkpoint."""

from collections.abc import Sequence
from typing import NamedTuple

from plotly import graph_objects as go

from imgcap.charts.statistics.panes import (
    NOT_JUDGED,
    error_bars,
    exact_share,
    hover,
    judged,
    panes,
    percentages,
    presentable,
    rated,
    span,
    tick,
)
from imgcap.charts.theme import Theme
from imgcap.feedback.statistics import Group, Statistics
from imgcap.percentages import SIGN, share_percent

MOST_ROWS = 12
"""More groups than this are in the table alone."""

NO_LABELS = "No feedback on labels yet: this chart counts what was said of pictures."
NO_MODELS = "No feedback on a model's answer yet: this chart counts what was said of pictures."

_CELLS = 18
_FEWEST_ROWS = 5
_LEFT, _RIGHT = (0, 0.43), (0.56, 1)  # apart, for the figures at their ends on a narrow page


class _Row(NamedTuple):
    group: Group
    tick: str
    role: str = ""


def by_label(statistics: Statistics | None, theme: Theme, empty: str) -> go.Figure:
    """Draw mean rating and accuracy of the labels that were predicted most."""
    groups = statistics.labels[:MOST_ROWS] if statistics else ()
    rows = [_Row(group, tick(group.name, _CELLS)) for group in groups]
    return _draw(rows, theme, NO_LABELS if statistics else empty)


def by_checkpoint(statistics: Statistics | None, theme: Theme, empty: str) -> go.Figure:
    """Draw mean rating and accuracy of the checkpoints that answered most."""
    rows = [
        _Row(group, f"{tick(_last_part(group.name), _CELLS)}<br><i>{role}</i>", role)
        for role, groups in _roles(statistics)
        for group in groups[: MOST_ROWS // 4]
    ]
    return _draw(rows, theme, NO_MODELS if statistics else empty)


def label_rows(statistics: Statistics) -> list[tuple[str, ...]]:
    """Return the labels as a table."""
    return [("Label", *_FIGURES), *(_figures(group) for group in statistics.labels)]


def checkpoint_rows(statistics: Statistics) -> list[tuple[str, ...]]:
    """Return the checkpoints as a table."""
    rows = [(role, *_figures(group)) for role, groups in _roles(statistics) for group in groups]
    return [("For", "Checkpoint", *_FIGURES), *rows]


_FIGURES = ("Ratings", "Mean", "Judged", "Right", f"95{SIGN} interval")


def _figures(group: Group) -> tuple[str, ...]:
    ratings, accuracy = group.ratings, group.accuracy
    return (
        presentable(group.name),
        f"{ratings.count:,}",
        "" if ratings.mean is None else f"{ratings.mean:.2f}",
        f"{accuracy.judged:,}",
        NOT_JUDGED if accuracy.share is None else exact_share(accuracy.share),
        "" if accuracy.share is None else span(accuracy),
    )


def _roles(statistics: Statistics | None) -> tuple[tuple[str, tuple[Group, ...]], ...]:
    if statistics is None:
        return ()
    return ("labels", statistics.classifiers), ("captions", statistics.captioners)


def _last_part(name: str | None) -> str | None:
    # Of a hub id or a folder; the end of a name is what tells checkpoints apart.
    return (name and name.replace("\\", "/").rstrip("/").rpartition("/")[2]) or name


def _draw(rows: Sequence[_Row], theme: Theme, sentence: str) -> go.Figure:
    groups = [row.group for row in rows]
    places = list(range(len(rows)))
    hovers = [
        hover(row.group.name, *([row.role] if row.role else []), *_told(row.group)) for row in rows
    ]
    means = go.Bar(
        orientation="h",
        x=[group.ratings.mean for group in groups],
        y=places,
        text=[f"{group.ratings.mean or 0:.1f}" for group in groups],
        textposition="inside",
        insidetextanchor="end",
        insidetextfont={"color": theme.surface},
        textangle=0,
        constraintext="none",
        hovertext=hovers,
        hoverinfo="text",
        marker={"color": [theme.rest if group.name is None else theme.accent for group in groups]},
    )
    shares = go.Scatter(
        mode="markers",
        x=[None if g.accuracy.share is None else 100 * g.accuracy.share for g in groups],
        y=places,
        xaxis="x2",
        error_x=error_bars([group.accuracy for group in groups], theme.ink),
        cliponaxis=False,
        hovertext=hovers,
        hoverinfo="text",
        marker={"size": 10, "color": theme.accent, "line": {"color": theme.ink, "width": 1}},
    )
    if not rows:
        return panes([means, shares], theme, sentence=sentence)
    middle, half = (len(rows) - 1) / 2, max(len(rows), _FEWEST_ROWS) / 2
    return panes(
        [means, shares],
        theme,
        titles=[
            {"text": "Mean rating", "x": _LEFT[0], "y": 1.01},
            {"text": "Right, of judged", "x": _RIGHT[0], "y": 1.01},
        ],
        xaxis={"domain": _LEFT, "range": [0, 5], "tickvals": [1, 3, 5], "showgrid": True},
        yaxis={
            "tickvals": places,
            "ticktext": [row.tick for row in rows],
            "range": [middle + half, middle - half],
            "showgrid": False,
        },
        xaxis2={**percentages(""), "domain": _RIGHT, "tickvals": [0, 50, 100]}
        | {"ticktext": ["0", "50", share_percent(1)], "anchor": "y"},
    )


def _told(group: Group) -> tuple[str, str]:
    return rated(group.ratings), judged(group.accuracy)
