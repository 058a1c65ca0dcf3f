"""The kinds of charts of all feedback that a person can choose from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from plotly import graph_objects as go

from imgcap.charts.statistics.calibration import calibration, calibration_rows
from imgcap.charts.statistics.confusion import confusion, confusion_rows
from imgcap.charts.statistics.groups import by_checkpoint, by_label, checkpoint_rows, label_rows
from imgcap.charts.statistics.timeline import timeline, timeline_rows
from imgcap.charts.theme import DARK, LIGHT, Theme
from imgcap.feedback.statistics import Statistics

NO_FEEDBACK = "Nothing to chart yet: ratings appear here once there is feedback."


@dataclass(frozen=True)
class StatisticsKind:
    """A chart kind of all feedback, and the same in words and figures.

    `draw` takes the statistics, the theme, and the sentence that stands in the chart's place if
    there is no feedback at all. The number and the types of a kind's traces, and the height, are
    always the same, so that a figure on a page can be changed in place. `rows` returns a table,
    the names of its columns first; what people wrote in it is not escaped.
    """

    key: str
    name: str
    draw: Callable[[Statistics | None, Theme, str], go.Figure]
    rows: Callable[[Statistics], list[tuple[str, ...]]]


STATISTICS_KINDS: Mapping[str, StatisticsKind] = {
    kind.key: kind
    for kind in (
        StatisticsKind("timeline", "Ratings over time", timeline, timeline_rows),
        StatisticsKind("labels", "By predicted label", by_label, label_rows),
        StatisticsKind("checkpoints", "By checkpoint", by_checkpoint, checkpoint_rows),
        StatisticsKind("calibration", "Calibration", calibration, calibration_rows),
        StatisticsKind("confusion", "Confusion", confusion, confusion_rows),
    )
}


def statistics_figure(
    kind: str,
    statistics: Statistics | None,
    *,
    dark: bool = False,
    empty: str = NO_FEEDBACK,
) -> go.Figure:
    """Draw the statistics of all feedback.

    Parameters
    ----------
    kind : str
        A key of `STATISTICS_KINDS`.
    statistics : Statistics or None
        With None, or without feedback, one sentence stands in the chart's place.
    dark : bool
        Colours for a dark page instead of a light one.
    empty : str
        The sentence.
    """
    there = statistics if statistics and statistics.ratings.count else None
    return STATISTICS_KINDS[kind].draw(there, DARK if dark else LIGHT, empty)
