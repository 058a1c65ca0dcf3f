"""Gains with their uncertainty, and how far confidence lies from the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_BOOTSTRAPS = 2_000
_BINS = 10

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Gain:
    """A mean gain on answers that were held out, and its 95 % bootstrap interval over pictures."""

    mean: float
    low: float
    high: float

    @property
    def is_sure(self) -> bool:
        """Whether the interval lies above zero."""
        return self.low > 0


def gain_of(groups: Sequence[Any] | NDArray[Any], gains: Values) -> Gain:
    """Return the mean gain and its interval, drawing whole groups (a picture's answers, say)."""
    names, member = np.unique(np.asarray(groups), return_inverse=True)
    sums = np.bincount(member, gains)
    counts = np.bincount(member)
    drawn = np.random.default_rng(0).integers(0, len(names), (_BOOTSTRAPS, len(names)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return Gain(float(gains.mean()), float(low), float(high))


def calibration_error(sure: Values, right: NDArray[np.bool_]) -> float:
    """Return the expected calibration error in 0..1, over ten bins of equal width.

    Parameters
    ----------
    sure : ndarray
        `(n,)` scores of the best labels.
    right : ndarray
        `(n,) bool`: whether they were right.
    """
    bins = np.minimum((sure * _BINS).astype(int), _BINS - 1)
    return float(np.abs(np.bincount(bins, sure - right)).sum() / len(sure))
