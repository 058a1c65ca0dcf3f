"""The labelled sets as examples: embedded once, and which pictures the checkpoint never saw."""

import csv
import hashlib
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgcap.inference import Engine
from imgcap.inference.label_weights import Floats
from imgcap.learning.labels.examples import Examples

_BATCH: Final = 8
_NEAR: Final = 1e-3
_PARTS: Final = 5
_ALL_TRAINED: Final = ("imagenet1k-one-each",)
"""Sets of which nothing was kept out of training."""


@dataclass(frozen=True)
class Pictures:
    """A set's pictures.

    Parameters
    ----------
    labels : tuple of str
    vectors : ndarray
        `(n, dim) float32` unit vectors.
    right : ndarray
        `(n,)` places of the right labels in `labels`.
    held : ndarray
        `(n,) bool`: whether the checkpoint was not trained on the picture.
    """

    labels: tuple[str, ...]
    vectors: Floats
    right: NDArray[np.int64]
    held: NDArray[np.bool_]

    def examples(self) -> Examples:
        """Return all of them as judged pictures, as if every label had been corrected."""
        count = len(self.right)
        return Examples(
            self.vectors,
            self.right,
            np.ones((count, len(self.labels)), bool),
            np.ones(count, bool),
            np.arange(count),
            np.zeros(count, np.int64),
            np.arange(count).astype(object),
        )


def read_pictures(path: Path, engine: Engine, cache: Path | None) -> Pictures:
    """Read a set, a .tar with labels.csv; embeddings are kept in `cache` and found there again."""
    with tarfile.open(path) as archive:
        name = path.stem
        table = archive.extractfile(f"{name}/labels.csv")
        if table is None:
            raise FileNotFoundError(f"{path} has no {name}/labels.csv.")
        rows = list(csv.DictReader(io.TextIOWrapper(table, "utf-8")))
        files = [f"{name}/{row['file_name']}" for row in rows]
        vectors = _embedded(archive, files, engine, cache / f"{name}.npy" if cache else None)
    labels = tuple(sorted({row["label"] for row in rows}))
    return Pictures(
        tuple(label.replace("_", " ") for label in labels),
        vectors,
        np.array([labels.index(row["label"]) for row in rows]),
        np.array([name not in _ALL_TRAINED and held_out(file) for file in files]),
    )


def _embedded(
    archive: tarfile.TarFile, files: list[str], engine: Engine, kept: Path | None
) -> Floats:
    def batch(start: int) -> Floats:
        some = [archive.extractfile(file) for file in files[start : start + _BATCH]]
        return engine.embed([Image.open(file).convert("RGB") for file in some if file])

    first = batch(0)
    if kept and kept.exists():
        vectors: Floats = np.load(kept)
        if vectors.shape == (len(files), first.shape[1]) and np.allclose(
            vectors[:_BATCH], first, atol=_NEAR
        ):
            return vectors  # of this very checkpoint
    vectors = np.concatenate([first, *map(batch, range(_BATCH, len(files), _BATCH))])
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, vectors)
    return vectors


def held_out(name: str) -> bool:
    """Tell whether `training/pictures.py` kept a picture out of training."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % _PARTS == 0
