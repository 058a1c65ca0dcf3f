"""Fitting a temperature and a threshold to judged answers, and whether that helps.

Temperature scaling: Guo, Pleiss, Sun, Weinberger, "On Calibration of Modern Neural Networks"
(2017). Whoever gives feedback chooses what to judge, and mistakes ask for it more than successes:
what is learned is how sure to be of answers that people judge.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgcap.inference.calibration import COLDEST, HOTTEST
from imgcap.inference.summary import excess
from imgcap.learning.confidence.judged import Judged
from imgcap.learning.intervals import Gain, calibration_error, gain_of

LEAST_JUDGED = 30
"""Fewer answers say little of a temperature."""
LEAST_EACH = 5
"""So many must have been right, and so many wrong: else one extreme fits best."""
LEAST_PICTURES = 10
LEAST_NONE = 10
"""So many answers must have had no right label among the candidates, and so many one."""

_KINDS = (True, False)
_FOLDS = 5
_GOLDEN = (math.sqrt(5) - 1) / 2

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Measures:
    """Mean negative log-likelihood and expected calibration error (in 0..1)."""

    nll: float
    ece: float


@dataclass(frozen=True)
class Fit:
    """What was found out about one number of a calibration.

    Parameters
    ----------
    value : float or None
        The number, fitted to all answers; None if there are not enough.
    adopted : bool
        Whether it is surely better than the one in use.
    sentence : str
        The same for a person.
    gain : Gain, optional
        In negative log-likelihood, or in balanced accuracy.
    before, after : Measures, optional
        Of answers that were held out, at the temperature in use and at the fitted one.
    """

    value: float | None
    adopted: bool
    sentence: str
    gain: Gain | None = None
    before: Measures | None = None
    after: Measures | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)


def fit_temperature(judged: Sequence[Judged], present: float) -> Fit:
    """Fit a temperature to answers whose right label is a candidate.

    Every answer is measured at a temperature that was fitted without its picture: five folds, in
    which each picture's answers stay together. It is adopted if its likelihood there is better than
    that of the present temperature with a bootstrap interval that excludes zero.
    """
    judged = [each for each in judged if each.right]
    if lacking := _lacking(judged):
        return Fit(None, adopted=False, sentence=lacking)
    held_out: list[float] = [present] * len(judged)
    for places in _folds(judged):
        taught = [each for place, each in enumerate(judged) if place not in places]
        value = _best_temperature(taught)
        for place in places:
            held_out[place] = value
    before = np.array([each.loss(present) for each in judged])
    after = np.array([each.loss(at) for each, at in zip(judged, held_out, strict=True)])
    gain = _gain(judged, before - after)
    measures = (
        Measures(float(before.mean()), _error(judged, [present] * len(judged))),
        Measures(float(after.mean()), _error(judged, held_out)),
    )
    value = _best_temperature(judged)
    if gain.is_sure:
        sentence = f"A temperature of {value:.2f} fits {len(judged):,} judged labels better."
    else:
        sentence = (
            f"Not enough evidence yet: {len(judged):,} judged labels do not show that a "
            f"temperature of {value:.2f} is better than {present:.2f}."
        )
    return Fit(value, gain.is_sure, sentence, gain, *measures)


def fit_threshold(judged: Sequence[Judged], temperature: float, present: float) -> Fit:
    """Fit the excess below which no label is named, by balanced accuracy, in the same manner.

    It shall tell answers whose right label was a candidate from those where none was.
    """
    fits = np.array([bool(each.right) for each in judged], bool)
    pictures = {
        kind: {each.group for each in judged if bool(each.right) == kind} for kind in _KINDS
    }
    for kind, groups in pictures.items():
        if (more := LEAST_NONE - len(groups)) > 0:
            noun = "picture is" if more == 1 else "pictures are"
            sentence = (
                f"Not enough evidence yet for “none fits”: {more} more judged {noun} needed "
                f"{'whose right label was a candidate' if kind else 'with a label of your own'}."
            )
            return Fit(None, adopted=False, sentence=sentence)
    excesses = np.array([excess(each.confidence(temperature), len(each.logs)) for each in judged])
    weights = np.where(fits, 0.5 / fits.mean(), 0.5 / (1 - fits.mean()))
    held_out = np.full(len(judged), present)
    for places in _folds(judged):
        taught = np.array([place not in places for place in range(len(judged))])
        held_out[~taught] = _best_threshold(excesses[taught], fits[taught])
    gain = _gain(
        judged,
        weights * (((excesses >= held_out) == fits) * 1.0 - ((excesses >= present) == fits)),
    )
    value = _best_threshold(excesses, fits)
    better = f"“none fits” below {100 * value:.0f} % instead of {100 * present:.0f} %"
    sentence = (
        f"It is better to say {better}."
        if gain.is_sure
        else f"Not enough evidence yet that it is better to say {better}."
    )
    return Fit(value, gain.is_sure, sentence, gain)


def _lacking(judged: Sequence[Judged]) -> str:
    """Say what is missing to learn a temperature, if anything is."""
    right = sum(each.confirmed for each in judged)
    wrong = len(judged) - right
    pictures = len({each.group for each in judged})
    for number, least, one, several in (
        (len(judged), LEAST_JUDGED, "judged label is", "judged labels are"),
        (right, LEAST_EACH, "label that was right is", "labels that were right are"),
        (wrong, LEAST_EACH, "corrected label is", "corrected labels are"),
        (pictures, LEAST_PICTURES, "judged picture is", "judged pictures are"),
    ):
        if number < least:
            more = least - number
            return f"Not enough evidence yet: {more} more {one if more == 1 else several} needed."
    return ""


def _best_temperature(judged: Sequence[Judged]) -> float:
    """Minimise the mean loss, which has one minimum in 1/T, by golden section."""

    def loss(log: float) -> float:
        return sum(each.loss(math.exp(log)) for each in judged)

    low, high = math.log(COLDEST), math.log(HOTTEST)
    left, right = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
    at_left, at_right = loss(left), loss(right)
    while high - low > 1e-3:  # noqa: PLR2004  # a tenth of a percent
        if at_left <= at_right:
            high, right, at_right = right, left, at_left
            left = high - _GOLDEN * (high - low)
            at_left = loss(left)
        else:
            low, left, at_left = left, right, at_right
            right = low + _GOLDEN * (high - low)
            at_right = loss(right)
    return round(math.exp((low + high) / 2), 3)


def _best_threshold(excesses: Values, fits: NDArray[np.bool_]) -> float:
    """Return the middle of the gap between excesses that tells the two kinds best apart."""
    edges = np.unique(np.clip(excesses, 0, 1))
    candidates = (edges[1:] + edges[:-1]) / 2 if len(edges) > 1 else edges
    named = excesses >= candidates[:, None]
    accuracy = named[:, fits].mean(1) + (~named)[:, ~fits].mean(1)
    return round(float(candidates[accuracy.argmax()]), 3)


def _folds(judged: Sequence[Judged]) -> list[set[int]]:
    """Return the places that are held out together; a picture is in one fold only."""
    groups = sorted({each.group for each in judged})
    order = np.random.default_rng(0).permutation(len(groups))
    fold = {groups[place]: number % _FOLDS for number, place in enumerate(order)}
    places = [
        {place for place, each in enumerate(judged) if fold[each.group] == number}
        for number in range(_FOLDS)
    ]
    return [each for each in places if each]


def _gain(judged: Sequence[Judged], gains: Values) -> Gain:
    return gain_of([each.group for each in judged], gains)


def _error(judged: Sequence[Judged], temperatures: Sequence[float]) -> float:
    """Return the expected calibration error of the best labels."""
    sure = np.array([each.confidence(at) for each, at in zip(judged, temperatures, strict=True)])
    return calibration_error(sure, np.array([each.confirmed for each in judged]))
