"""Judged pictures as a classifier's adapter learns from them: embeddings, labels and groups."""

from dataclasses import dataclass, fields, replace
from typing import Any
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from imgcap.inference.label_weights import Floats


@dataclass(frozen=True)
class Vocabulary:
    """Every label that was ever a candidate or an answer, and how the checkpoint names it.

    Parameters
    ----------
    labels : tuple of str
    texts : ndarray
        `(n_labels, dim) float32` unit vectors, of the app's default template.
    ensemble : ndarray
        The same of several templates (Radford et al. 2021, section 3.1.4).
    scale : float
        What the checkpoint multiplies cosine similarities with.
    temperature : float
        What its logits are divided by since feedback taught so.
    errors : float or None
        How often it is wrong by its own confidence, over all feedback, judged or not.
    """

    labels: tuple[str, ...]
    texts: Floats
    ensemble: Floats
    scale: float
    temperature: float = 1.0
    errors: float | None = None

    def with_ensemble(self) -> "Vocabulary":
        """Return the same with the ensemble as the texts."""
        return replace(self, texts=self.ensemble)


@dataclass(frozen=True)
class Examples:
    """`n` judged pictures; every field has one row a picture.

    Parameters
    ----------
    pictures : ndarray
        `(n, dim) float32` unit vectors.
    right : ndarray
        `(n,)` places of the right labels in the vocabulary.
    asked : ndarray
        `(n, n_labels) bool`: the candidates; labels that people added are candidates everywhere.
    corrected : ndarray
        `(n,) bool`: whether the person had to correct the label.
    groups : ndarray
        `(n,)` numbers of what must not be divided between learning and measuring.
    folds : ndarray
        `(n,)` in 0..4: the part that a picture belongs to, for good.
    records : ndarray
        `(n,)` ids of the feedback.
    """

    pictures: Floats
    right: NDArray[np.int64]
    asked: NDArray[np.bool_]
    corrected: NDArray[np.bool_]
    groups: NDArray[np.int64]
    folds: NDArray[np.int64]
    records: NDArray[np.object_]

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.right)

    def only(self, chosen: NDArray[Any]) -> "Examples":
        """Return some of them, by a mask or by places."""
        return Examples(**{each.name: getattr(self, each.name)[chosen] for each in fields(self)})

    @property
    def ids(self) -> tuple[UUID, ...]:
        """Return the ids of the feedback."""
        return tuple(self.records)
