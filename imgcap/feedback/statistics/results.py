"""What statistics of feedback consist of: frozen dataclasses of plain values."""

import math
from dataclasses import asdict, dataclass
from datetime import date
from statistics import NormalDist
from typing import Any, Literal

Unit = Literal["day", "week", "month", "year"]

_Z = NormalDist().inv_cdf(0.975)  # of a 95 % interval


@dataclass(frozen=True)
class Ratings:
    """Ratings together.

    Parameters
    ----------
    count : int
        How many there are.
    mean : float or None
        Their mean, None without any.
    stars : tuple of int
        How many gave 1, 2, 3, 4 and 5.
    """

    count: int
    mean: float | None
    stars: tuple[int, ...]


@dataclass(frozen=True)
class Accuracy:
    """How often an answer was right, among those that someone judged.

    Whoever gives feedback chooses what to judge, and a mistake calls for it more than a success
    does: this is the accuracy of the judged answers, not of all that the models have given.

    Parameters
    ----------
    confirmed : int
        Answers whose correction is the answer itself.
    judged : int
        Answers with any correction.
    share : float or None
        Of the confirmed among the judged, in 0..1; None if nothing was judged.
    low, high : float or None
        Wilson's 95 % interval of the share (Wilson 1927).
    """

    confirmed: int
    judged: int
    share: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Period:
    """The ratings of one day, week (from Monday), month or year, in UTC."""

    start: date
    ratings: Ratings


@dataclass(frozen=True)
class Timeline:
    """The ratings over time: periods with feedback, oldest first, as long as fits their span."""

    unit: Unit
    periods: tuple[Period, ...]


@dataclass(frozen=True)
class Group:
    """What was said of one label or checkpoint; of all others together if `name` is None.

    Where answers of several revisions of a checkpoint were rated, each is a group of its own, and
    the name ends in ``@`` and the beginning of the `revision`. That is empty for labels, and for
    checkpoints without one.
    """

    name: str | None
    ratings: Ratings
    accuracy: Accuracy
    revision: str = ""


@dataclass(frozen=True)
class Bin:
    """Judged top labels whose score is in `low` <= score < `high` (the last bin includes 1).

    `confidence` is their mean score.
    """

    low: float
    high: float
    confidence: float
    accuracy: Accuracy


@dataclass(frozen=True)
class Calibration:
    """How well scores tell the accuracy: a reliability diagram (Guo et al. 2017).

    Parameters
    ----------
    bins : tuple of Bin
        Of equal width, lowest first; empty ones are left out.
    error : float or None
        Expected calibration error: the mean distance of accuracy and confidence, weighted by the
        judged labels of each bin. None if none was judged.
    independent : int
        How many judged labels are left out because each label was scored by itself: such a score
        is not the probability that the label is the right one of them.
    """

    bins: tuple[Bin, ...]
    error: float | None
    independent: int = 0


@dataclass(frozen=True)
class Confusion:
    """How often which label was predicted where which one was right, of the judged ones.

    Parameters
    ----------
    labels : tuple of str or None
        The most frequent labels, predicted or right; last None, which stands for all others, if
        there are others.
    counts : tuple of tuple of int
        A row for each predicted label, a column for each right one.
    """

    labels: tuple[str | None, ...]
    counts: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Statistics:
    """What all feedback together says of the models.

    Parameters
    ----------
    ratings : Ratings
        All of them.
    timeline : Timeline
        The same over time.
    label_accuracy, caption_accuracy : Accuracy
        Of the top labels and of the captions.
    labels : tuple of Group
        By predicted label, the most frequent first; accuracy is that of the label.
    classifiers, captioners : tuple of Group
        By checkpoint and revision; accuracy is that of its labels or captions.
    calibration : Calibration
        Of the top labels' scores.
    confusion : Confusion
        Of labels.
    """

    ratings: Ratings
    timeline: Timeline
    label_accuracy: Accuracy
    caption_accuracy: Accuracy
    labels: tuple[Group, ...]
    classifiers: tuple[Group, ...]
    captioners: tuple[Group, ...]
    calibration: Calibration
    confusion: Confusion

    def as_dict(self) -> dict[str, Any]:
        """Return the same as JSON knows it: names, numbers, lists, and dates as text."""
        return asdict(self, dict_factory=_plain)


def accuracy_of(confirmed: int, judged: int) -> Accuracy:
    """Return the accuracy with its interval."""
    if not judged:
        return Accuracy(0, 0, None, None, None)
    share = confirmed / judged
    shrink = 1 + _Z**2 / judged
    middle = (share + _Z**2 / (2 * judged)) / shrink
    reach = _Z / shrink * math.sqrt(share * (1 - share) / judged + _Z**2 / (4 * judged**2))
    # The ends are exact where rounding would put them beside the share.
    low = max(0.0, middle - reach) if confirmed else 0.0
    high = min(1.0, middle + reach) if confirmed < judged else 1.0
    return Accuracy(confirmed, judged, share, low, high)


def _plain(fields: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, date) else value for name, value in fields}
