"""What all feedback together says of the models: ratings, accuracy, calibration, confusions."""

from imgcap.feedback.statistics.compute import BINS, CONFUSED, statistics_of
from imgcap.feedback.statistics.results import (
    Accuracy,
    Bin,
    Calibration,
    Confusion,
    Group,
    Period,
    Ratings,
    Statistics,
    Timeline,
    Unit,
    accuracy_of,
)

__all__ = [
    "BINS",
    "CONFUSED",
    "Accuracy",
    "Bin",
    "Calibration",
    "Confusion",
    "Group",
    "Period",
    "Ratings",
    "Statistics",
    "Timeline",
    "Unit",
    "accuracy_of",
    "statistics_of",
]
