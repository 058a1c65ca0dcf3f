"""The reliability diagram: how often the top label was right, by its score."""

import math
from collections.abc import Sequence

from plotly import graph_objects as go

from imgcap.charts.statistics.panes import error_bars, exact_share, judged, panes, percentages, span
from imgcap.charts.theme import Theme, literally
from imgcap.feedback.statistics import Bin, Statistics
from imgcap.percentages import SIGN, share_percent

NOT_JUDGED_YET = "Nobody has said yet which label is right: this chart needs judged labels."
ONLY_INDEPENDENT = (
    "Every judged label was scored by itself: this chart needs scores that labels share."
)

_SMALLEST, _LARGEST = 8, 22  # points, in pixels


def calibration(statistics: Statistics | None, theme: Theme, empty: str) -> go.Figure:
    """Draw accuracy against confidence; well calibrated scores lie on the diagonal."""
    bins = statistics.calibration.bins if statistics else ()
    diagonal = go.Scatter(
        mode="lines",
        x=[0, 100] if bins else [],
        y=[0, 100] if bins else [],
        hoverinfo="skip",
        line={"color": theme.rest, "width": 1.5, "dash": "dash"},
    )
    points = go.Scatter(
        mode="lines+markers",
        x=[100 * each.confidence for each in bins],
        y=[100 * (each.accuracy.share or 0) for each in bins],
        error_y=error_bars([each.accuracy for each in bins], theme.ink),
        cliponaxis=False,
        hovertext=[_hover(each) for each in bins],
        hoverinfo="text",
        line={"color": theme.accent, "width": 1.5},
        marker={
            "size": _sizes(bins),
            "color": theme.accent,
            "opacity": 1,
            "line": {"color": theme.ink, "width": 1},
        },
    )
    if not (statistics and bins):
        return panes([diagonal, points], theme, sentence=_missing(statistics) or empty)
    error = exact_share(statistics.calibration.error or 0)
    return panes(
        [diagonal, points],
        theme,
        titles=[{"text": f"Expected calibration error <b>{error}</b>", "x": 0, "y": 1.01}],
        xaxis=percentages("How sure the model was"),
        yaxis=percentages("How often it was right"),
    )


def calibration_rows(statistics: Statistics) -> list[tuple[str, ...]]:
    """Return the bins as a table."""
    head = ("Score", "Judged", "Mean score", "Right", f"95{SIGN} interval")
    return [
        head,
        *(
            (
                _span(each),
                f"{each.accuracy.judged:,}",
                exact_share(each.confidence),
                exact_share(each.accuracy.share or 0),
                span(each.accuracy),
            )
            for each in statistics.calibration.bins
        ),
    ]


def _missing(statistics: Statistics | None) -> str:
    """Say what the chart lacks; nothing if that is all feedback."""
    if statistics is None:
        return ""
    return ONLY_INDEPENDENT if statistics.calibration.independent else NOT_JUDGED_YET


def _span(each: Bin) -> str:
    return f"{share_percent(each.low)} to {share_percent(each.high)}"


def _hover(each: Bin) -> str:
    sure = f"{exact_share(each.confidence)} sure in the mean"
    return "<br>".join([f"<b>Score {_span(each)}</b>", sure, literally(judged(each.accuracy))])


def _sizes(bins: Sequence[Bin]) -> list[float]:
    most = max((each.accuracy.judged for each in bins), default=1)
    # The area tells the number.
    return [max(_SMALLEST, _LARGEST * math.sqrt(each.accuracy.judged / most)) for each in bins]
