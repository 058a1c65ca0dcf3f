"""The chart of ratings over time: their mean above, how many of each below."""

from calendar import isleap, monthrange
from collections.abc import Sequence
from datetime import date

from plotly import graph_objects as go

from imgcap.charts.statistics.panes import panes, rated
from imgcap.charts.theme import OKABE_ITO, Theme
from imgcap.feedback.statistics import Period, Statistics, Timeline, Unit

# From orange to blue, whose order people with any colour vision see.
_COLOURS = (OKABE_ITO[5], OKABE_ITO[0], "#9aa3ad", OKABE_ITO[1], OKABE_ITO[4])
_DAYS: dict[Unit, int] = {"day": 1, "week": 7, "month": 30, "year": 365}
_FEWEST = 7  # periods that have room, so that a single one is no wall
_TICKS = 5
_LOWER, _UPPER = (0, 0.5), (0.72, 1)


def timeline(statistics: Statistics | None, theme: Theme, empty: str) -> go.Figure:
    """Draw the mean rating of each period as a line, and its ratings as bars of five colours."""
    line = statistics.timeline if statistics else Timeline("day", ())
    # Days as numbers: an axis of dates would lose its range when the next chart has another axis.
    starts = [period.start.toordinal() for period in line.periods]
    widths = [_days(period.start, line.unit) for period in line.periods]
    hovers = [_hover(period, line.unit) for period in line.periods]
    bars = [
        go.Bar(
            name=f"{star} ★",
            x=starts,
            y=[period.ratings.stars[star - 1] for period in line.periods],
            width=[0.86 * width for width in widths],
            offset=[0.07 * width for width in widths],
            hovertext=hovers,
            hoverinfo="text",
            marker={"color": colour, "line": {"color": theme.surface, "width": 0.5}},
        )
        for star, colour in enumerate(_COLOURS, start=1)
    ]
    means = go.Scatter(
        mode="lines+markers",
        x=[start + width / 2 for start, width in zip(starts, widths, strict=True)],
        y=[period.ratings.mean for period in line.periods],
        yaxis="y2",
        showlegend=False,
        cliponaxis=False,
        hovertext=hovers,
        hoverinfo="text",
        line={"color": theme.accent, "width": 2},
        marker={"size": 7, "color": theme.accent},
    )
    if not line.periods:
        return panes([*bars, means], theme, sentence=empty)
    ticks = _ticks(line)
    most = max(period.ratings.count for period in line.periods)
    return panes(
        [*bars, means],
        theme,
        titles=[{"text": f"Mean rating of each {line.unit}", "x": 0, "y": 1.01}],
        xaxis={
            "range": _range(line),
            "tickvals": [start.toordinal() for start in ticks],
            "ticktext": _texts(ticks, line.unit),
            "tickangle": 0,
            "showgrid": False,
        },
        yaxis={"domain": _LOWER, "range": [0, 1.05 * most], "nticks": 5, "showgrid": True},
        yaxis2={
            "domain": _UPPER,
            "anchor": "x",
            "range": [0.9, 5.1],
            "tickvals": [1, 3, 5],
            "showgrid": True,
        },
        barmode="stack",
        showlegend=True,
        legend={
            **dict.fromkeys(("itemclick", "itemdoubleclick"), False),
            "orientation": "h",
            "traceorder": "normal",
            "title": {"text": "How many", "side": "top left", "font": {"size": 12}},
            "x": 0,
            "xanchor": "left",
            "y": _LOWER[1],
            "yanchor": "bottom",
            "font": {"size": 12},
            "bgcolor": "rgba(0, 0, 0, 0)",
        },
    )


def timeline_rows(statistics: Statistics) -> list[tuple[str, ...]]:
    """Return the periods as a table."""
    line = statistics.timeline
    head = (_title(line.unit), "Ratings", "Mean", *(f"{star} of 5" for star in range(1, 6)))
    return [
        head,
        *(
            (
                period.start.isoformat(),
                f"{period.ratings.count:,}",
                f"{period.ratings.mean or 0:.2f}",
                *(f"{number:,}" for number in period.ratings.stars),
            )
            for period in line.periods
        ),
    ]


def _title(unit: Unit) -> str:
    return {"day": "Day (UTC)", "week": "Week from", "month": "Month from", "year": "Year from"}[
        unit
    ]


def _hover(period: Period, unit: Unit) -> str:
    each = [f"{star} ★: {number:,}" for star, number in enumerate(period.ratings.stars, 1)]
    when = f"{unit.capitalize()} {'of ' if unit != 'day' else ''}{period.start.isoformat()}"
    return "<br>".join([f"<b>{when}</b>", rated(period.ratings), " · ".join(each)])


def _range(line: Timeline) -> list[int]:
    first, last = line.periods[0].start, line.periods[-1].start
    end = last.toordinal() + _days(last, line.unit)
    more = max(0, _FEWEST * _DAYS[line.unit] - (end - first.toordinal())) // 2
    return [first.toordinal() - more, end + more]


def _ticks(line: Timeline) -> list[date]:
    """Return the starts of some periods, with feedback or not, at equal distances."""
    starts = [line.periods[0].start]
    while starts[-1] < line.periods[-1].start:
        starts.append(_later(starts[-1], _days(starts[-1], line.unit)))
    return starts[:: -(-len(starts) // _TICKS)]


def _texts(ticks: Sequence[date], unit: Unit) -> list[str]:
    if unit == "year":
        return [str(tick.year) for tick in ticks]
    days = [f"{tick:%b}" if unit == "month" else f"{tick.day} {tick:%b}" for tick in ticks]
    before = [0, *(tick.year for tick in ticks)]
    return [
        text if tick.year == year else f"{text}<br>{tick.year}"
        for text, tick, year in zip(days, ticks, before, strict=False)
    ]


def _days(start: date, unit: Unit) -> int:
    match unit:
        case "month":
            return monthrange(start.year, start.month)[1]
        case "year":
            return 366 if isleap(start.year) else 365
    return _DAYS[unit]


def _later(day: date, days: int) -> date:
    return date.fromordinal(min(day.toordinal() + days, date.max.toordinal()))
