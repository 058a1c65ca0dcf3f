"""Result -> plotly figure: one module a family of charts, and the table of kinds."""

from imgcap.charts.confidence import NO_WHOLE
from imgcap.charts.kinds import KINDS, Drawable, Kind, Subject, figure
from imgcap.charts.marks import MOST_MARKS, NOTHING_YET, Mark, best_marks, exact_percent
from imgcap.charts.solid import APART, FIRST_TURN, MOST_BARS, eye
from imgcap.charts.tables import Components, Embeddings, ScoreTable
from imgcap.charts.theme import DARK, LIGHT, OKABE_ITO, Theme

__all__ = [
    "APART",
    "DARK",
    "FIRST_TURN",
    "KINDS",
    "LIGHT",
    "MOST_BARS",
    "MOST_MARKS",
    "NOTHING_YET",
    "NO_WHOLE",
    "OKABE_ITO",
    "Components",
    "Drawable",
    "Embeddings",
    "Kind",
    "Mark",
    "ScoreTable",
    "Subject",
    "Theme",
    "best_marks",
    "exact_percent",
    "eye",
    "figure",
]
