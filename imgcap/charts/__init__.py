"""Result -> plotly figure: one module a family of charts, and the table of kinds."""

from imgcap.charts.confidence import NO_WHOLE
from imgcap.charts.kinds import KINDS, Kind, figure
from imgcap.charts.marks import MOST_MARKS, NOTHING_YET, Mark, best_marks, exact_percent
from imgcap.charts.theme import DARK, LIGHT, OKABE_ITO, Theme

__all__ = [
    "DARK",
    "KINDS",
    "LIGHT",
    "MOST_MARKS",
    "NOTHING_YET",
    "NO_WHOLE",
    "OKABE_ITO",
    "Kind",
    "Mark",
    "Theme",
    "best_marks",
    "exact_percent",
    "figure",
]
