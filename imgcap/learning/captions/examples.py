"""Judged captions as a captioner learns from them: encoded pictures and what to say of them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


@dataclass(frozen=True)
class CaptionExamples:
    """`n` judged captions; every field has one row a picture.

    Parameters
    ----------
    pictures : sequence of torch.Tensor
        Each `(cells, width) float32`, as the captioner's decoder reads them.
    targets : tuple of str
        What the captions should be.
    corrected : ndarray
        `(n,) bool`: whether the person wrote another one; else the caption was rated good.
    groups, folds : ndarray
        `(n,)` as in `imgcap.learning.labels.examples.Examples`.
    records : tuple of UUID
        The feedback.
    """

    pictures: "Sequence[Tensor]"
    targets: tuple[str, ...]
    corrected: NDArray[np.bool_]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]
    records: tuple[UUID, ...]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.targets)

    def only(self, chosen: NDArray[np.bool_]) -> "CaptionExamples":
        """Return those that a mask marks."""
        return self.at(np.flatnonzero(chosen))

    def at(self, places: NDArray[np.int64]) -> "CaptionExamples":
        """Return those at some places, in that order."""
        return CaptionExamples(
            [self.pictures[place] for place in places],
            tuple(self.targets[place] for place in places),
            self.corrected[places],
            self.groups[places],
            self.folds[places],
            tuple(self.records[place] for place in places),
        )
