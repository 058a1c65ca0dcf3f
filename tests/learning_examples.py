"""Judged pictures without a model: embeddings whose labels are known."""

from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from imgcap.learning.groups import FOLDS
from imgcap.learning.labels.examples import Examples, Vocabulary

LABELS = ("cat", "dog", "car", "tree", "blorp", "zink")
NAMED = 4
"""The text tower knows so many of `LABELS`; the rest were invented."""
DIM = 24


def unit(rows: NDArray[Any]) -> NDArray[np.float32]:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def vocabulary(**fields: Any) -> Vocabulary:
    texts = unit(np.random.default_rng(7).normal(size=(len(LABELS), DIM)))
    return Vocabulary(LABELS, texts, texts, 20.0, **fields)


def examples(each: int = 20, seed: int = 0, noise: float = 0.8) -> Examples:
    """`each` pictures a label: named ones lie near their text, invented ones somewhere else."""
    rng = np.random.default_rng(seed)
    centres = vocabulary().texts.copy()
    centres[NAMED:] = unit(np.random.default_rng(8).normal(size=(len(LABELS) - NAMED, DIM)))
    right = np.tile(np.arange(len(LABELS)), each)
    directions = unit(rng.normal(size=(len(right), DIM)))
    count = len(right)
    return Examples(
        unit(centres[right] + noise * directions),
        right,
        np.ones((count, len(LABELS)), bool),
        right >= NAMED,
        np.arange(count),
        np.arange(count) // len(LABELS) % FOLDS,
        np.array([uuid4() for _ in right], object),
    )
