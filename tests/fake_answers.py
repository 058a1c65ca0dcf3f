"""Answers without models that follow from the question, for fake engines and for what they show."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgcap.inference import CaptionOptions, Prediction


def scored(picture_id: str, labels: Sequence[str]) -> tuple[Prediction, ...]:
    """Return the scores that a fake engine gives: others for every picture and list of labels."""
    weights = [
        1 + int(sha256(f"{picture_id} {label}".encode()).hexdigest()[:6], 16) for label in labels
    ]
    pairs = sorted(zip(labels, weights, strict=True), key=lambda pair: -pair[1])
    return tuple(Prediction(label, weight / sum(weights)) for label, weight in pairs)


def id_of(picture: Any) -> str:
    """Return a picture's sha256; mere pixels have none."""
    return str(getattr(picture, "sha256", ""))


def commit_of(checkpoint: str) -> str:
    """Return the commit that a fake engine names."""
    return sha256(checkpoint.encode()).hexdigest()[:40]


def captioned(picture_id: str, options: CaptionOptions) -> str:
    """Return the caption that a fake engine writes."""
    return f"{options.prefix} picture {picture_id[:12]} by {options.num_beams} beams".strip()


def embedded(names: Sequence[str], dim: int = 8) -> NDArray[np.float32]:
    """Return the embeddings that a fake engine gives: another unit vector for every name."""
    rows = [np.random.default_rng(_seed(name)).normal(size=dim) for name in names]
    vectors = np.array(rows, np.float32).reshape(len(rows), dim)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def mapped(name: str) -> NDArray[np.float32]:
    """Return a `(7, 7)` map of values in 0..1, another for every name."""
    return np.random.default_rng(_seed(name)).random((7, 7), np.float32)


def _seed(name: str) -> int:
    return int(sha256(name.encode()).hexdigest()[:8], 16)
