"""What feedback taught about labels, in the checkpoint's embedding space.

Labels that were not taught are left exactly as the checkpoint names them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Weights:
    """What an adapter adds, in the checkpoint's embedding space.

    Parameters
    ----------
    labels : tuple of str
        The `n_taught` labels that it changes.
    offsets : ndarray
        `(n_taught, dim) float32`, added to the labels' text embeddings.
    keys : ndarray
        `(n_keys, dim) float32` unit vectors: remembered pictures.
    values : ndarray
        `(n_keys,) int64`: which of `labels` each one shows.
    alpha, beta : float
        How much remembered pictures add to the logits, and how sharply that falls with distance.

    Raises
    ------
    ValueError
        If the tensors do not fit together.
    """

    labels: tuple[str, ...]
    offsets: Floats
    keys: Floats
    values: NDArray[np.int64]
    alpha: float = 0.0
    beta: float = 0.0

    def __post_init__(self) -> None:
        """Refuse tensors that do not fit together."""
        taught = len(self.labels)
        fits = (
            self.offsets.dtype == self.keys.dtype == np.float32
            and self.offsets.ndim == self.keys.ndim == 2  # noqa: PLR2004  # matrices
            and len(self.offsets) == taught
            and self.offsets.shape[1] == self.keys.shape[1]
            and self.values.shape == (len(self.keys),)
            and self.values.dtype == np.int64
            and bool(np.isfinite(self.offsets).all() and np.isfinite(self.keys).all())
            and bool(((self.values >= 0) & (self.values < taught)).all())
        )
        if not fits:
            raise ValueError("The tensors do not fit together.")

    def offsets_of(self, labels: Sequence[str]) -> Floats:
        """Return `(n_labels, dim) float32`; rows of labels that were not taught are zero."""
        rows, places = self._found(labels)
        offsets = np.zeros((len(labels), self.offsets.shape[1]), np.float32)
        offsets[rows] = self.offsets[places]
        return offsets

    def added_logits(self, pictures: Floats, labels: Sequence[str]) -> Floats:
        """Return `(n_pictures, n_labels) float32` of the cache; columns not taught are zero.

        Affinities are ``exp(-beta (1 - cosine))``, of Zhang et al., "Tip-Adapter" (2022).
        """
        logits = np.zeros((len(pictures), len(labels)), np.float32)
        if len(self.keys):
            affinities = np.exp(self.beta * (pictures @ self.keys.T - 1))
            shown = np.eye(len(self.labels), dtype=np.float32)[self.values]
            rows, places = self._found(labels)
            logits[:, rows] = self.alpha * (affinities @ shown)[:, places]
        return logits

    def _found(self, labels: Sequence[str]) -> tuple[list[int], list[int]]:
        known = {label_key(label): place for place, label in enumerate(self.labels)}
        pairs = [
            (row, known[label_key(label)])
            for row, label in enumerate(labels)
            if label_key(label) in known
        ]
        return [row for row, _ in pairs], [place for _, place in pairs]


def label_key(label: str) -> str:
    """Return what spellings of a label have in common: neither letter case nor spaces count."""
    return " ".join(label.casefold().split())
