"""The confusion table: which label was predicted where which one was right."""

from plotly import graph_objects as go

from imgcap.charts.statistics.calibration import NOT_JUDGED_YET
from imgcap.charts.statistics.panes import panes, presentable, tick
from imgcap.charts.theme import Theme, wrapped
from imgcap.feedback.statistics import Confusion, Statistics

_ROW_CELLS, _COLUMN_CELLS = 18, 14
_APART = "\N{NO-BREAK SPACE}" * 2  # around a column's name: plotly turns names that touch
_FAINTEST, _STRONGEST = 0.12, 0.5  # shares of the accent, on which numbers can be read


def confusion(statistics: Statistics | None, theme: Theme, empty: str) -> go.Figure:
    """Draw a square for each pair; what was right lies on the outlined diagonal."""
    table = statistics.confusion if statistics else Confusion((), ())
    places = list(range(len(table.labels)))
    cells = go.Heatmap(
        x=places,
        y=places,
        z=[[number or None for number in row] for row in table.counts],
        zmin=0,
        zmax=max((max(row) for row in table.counts), default=1),
        text=[[f"{number:,}" if number else "" for number in row] for row in table.counts],
        texttemplate="%{text}",
        textfont={"color": theme.ink},
        hovertext=[[_hover(table, row, column) for column in places] for row in places],
        hoverinfo="text",
        hoverongaps=False,
        colorscale=[[0, _mixed(theme, _FAINTEST)], [1, _mixed(theme, _STRONGEST)]],
        showscale=False,
        xgap=1,
        ygap=1,
    )
    if not places:
        return panes([cells], theme, sentence=NOT_JUDGED_YET if statistics else empty)
    ends = [-0.5, len(places) - 0.5]
    names = {"tickvals": places, "showgrid": False, "ticklabeloverflow": "allow"}
    words = {"font": {"size": 12}}
    return panes(
        [cells],
        theme,
        xaxis=names
        | {
            "title": {"text": "Right label", **words},
            "ticktext": [_APART.join(("", tick(name, _COLUMN_CELLS), "")) for name in table.labels],
            "tickfont": {"size": 11},
            "autotickangles": [0, 45, 90],
            "range": ends,
        },
        yaxis=names
        | {
            "title": {"text": "Predicted label", **words},
            "ticktext": [tick(name, _ROW_CELLS) for name in table.labels],
            "tickfont": {"size": 11},
            "range": ends[::-1],
        },
        shapes=[
            {
                "type": "rect",
                "x0": n - 0.5,
                "x1": n + 0.5,
                "y0": n - 0.5,
                "y1": n + 0.5,
                "line": {"color": theme.ink, "width": 1},
            }
            for n, name in enumerate(table.labels)
            if name is not None
        ],
    )


def confusion_rows(statistics: Statistics) -> list[tuple[str, ...]]:
    """Return the pairs that occur as a table, the most frequent first."""
    table = statistics.confusion
    names = [presentable(name) for name in table.labels]
    pairs = sorted(
        (-number, names[row], names[column])
        for row, numbers in enumerate(table.counts)
        for column, number in enumerate(numbers)
        if number
    )
    head = ("Predicted label", "Right label", "Times")
    return [head, *((predicted, right, f"{-number:,}") for number, predicted, right in pairs)]


def _hover(table: Confusion, row: int, column: int) -> str:
    predicted, right = (wrapped(presentable(table.labels[place])) for place in (row, column))
    number = table.counts[row][column]
    if row == column and table.labels[row] is not None:
        return f"<b>{predicted}</b><br>predicted and right<br>{number:,} times"
    return f"predicted <b>{predicted}</b><br>right <b>{right}</b><br>{number:,} times"


def _mixed(theme: Theme, share: float) -> str:
    """Return the colour that is so much accent on the surface."""

    def channels(colour: str) -> list[int]:
        return [int(colour[place : place + 2], 16) for place in (1, 3, 5)]

    pairs = zip(channels(theme.accent), channels(theme.surface), strict=True)
    return "#" + "".join(f"{round(share * a + (1 - share) * s):02x}" for a, s in pairs)
