"""What charts of several pictures or prompts draw: a table of scores, and points in space."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imgcap.charts.marks import Mark, marks_of
from imgcap.inference import Classification, Prediction

_NOISE = 1e-9  # share of the largest variance below which an axis is rounding alone


@dataclass(frozen=True, eq=False)
class ScoreTable:
    """The scores of the same labels in several rows.

    Parameters
    ----------
    rows : tuple of str
        What each row is about, as it came: a picture's file name or a prompt template.
    labels : tuple of str
        The candidate labels.
    scores : numpy.ndarray
        ``(n_rows, n_labels) float64`` in 0..1; a row sums to 1 unless `independent`.
    independent : bool
        Whether each score stands by itself.
    """

    rows: tuple[str, ...]
    labels: tuple[str, ...]
    scores: NDArray[np.float64]
    independent: bool = False

    @classmethod
    def of(cls, rows: Sequence[str], answers: Sequence[Classification]) -> "ScoreTable":
        """Put answers to the same question, at least one, below each other."""
        labels = tuple(prediction.label for prediction in answers[0].predictions)
        scores = np.empty((len(answers), len(labels)))
        for row, answer in zip(scores, answers, strict=True):
            known = {prediction.label: prediction.score for prediction in answer.predictions}
            row[:] = [known[label] for label in labels]
        return cls(tuple(rows), labels, scores, answers[0].independent)

    def means(self) -> tuple[Prediction, ...]:
        """Return every label with the mean of its scores, best first."""
        pairs = zip(self.labels, self.scores.mean(axis=0).tolist(), strict=True)
        ranked = sorted(pairs, key=lambda pair: -pair[1])
        return tuple(Prediction(label, score) for label, score in ranked)

    def columns(self, top: int) -> tuple[list[Mark], NDArray[np.float64]]:
        """Return the labels that are best in the mean, the others together, and their scores.

        Returns
        -------
        marks : list of Mark
            One a column; its score is the mean of the column.
        scores : numpy.ndarray
            ``(n_rows, n_marks) float64``.
        """
        marks = marks_of(self.means(), top, independent=self.independent)
        place = {label: number for number, label in enumerate(self.labels)}
        columns = [
            self.scores[:, [place[other.label] for other in mark.others]].sum(axis=1)
            if mark.others
            else self.scores[:, place[mark.label]]
            for mark in marks
        ]
        return marks, np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False)
class Components:
    """Embeddings seen from where they differ most.

    Parameters
    ----------
    pictures, labels : numpy.ndarray
        ``(n, 3) float64``.
    shares : tuple of float
        How much of the variance each of the three components explains, in 0..1.
    """

    pictures: NDArray[np.float64]
    labels: NDArray[np.float64]
    shares: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class Embeddings:
    """Pictures and candidate labels in the classifier's embedding space.

    Parameters
    ----------
    table : ScoreTable
        A row a picture: names and scores.
    pictures : numpy.ndarray
        ``(n_rows, dim) float32`` unit vectors, in the order of the table's rows.
    labels : numpy.ndarray
        ``(n_labels, dim) float32`` unit vectors, in the order of the table's labels.
    """

    table: ScoreTable
    pictures: NDArray[np.float32]
    labels: NDArray[np.float32]

    @cached_property
    def components(self) -> Components:
        """The first three principal components of pictures and labels together.

        Each kind is moved to a mean of zero first: all pictures lie far from all texts in such a
        space (the modality gap, Liang et al. 2022), and that distance would be the first
        component.
        """
        parts = [part.astype(np.float64) for part in (self.pictures, self.labels)]
        centred = np.concatenate([part - part.mean(axis=0) for part in parts])
        axes = _principal_axes(centred)
        points = np.zeros((len(centred), 3))
        points[:, : len(axes)] = centred @ axes.T
        # The variance of all is the sum of that along all axes, also those that are not shown.
        shares = (points**2).sum(axis=0) / ((centred**2).sum() or 1)
        n_pictures = len(parts[0])
        return Components(points[:n_pictures], points[n_pictures:], tuple(shares.tolist()))


def _principal_axes(centred: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return at most three unit vectors ``(n, dim)``, along which rows differ most first."""
    wide = len(centred) < centred.shape[1]
    # Of the smaller square: a decomposition of everything takes seconds for a thousand labels.
    square = centred @ centred.T if wide else centred.T @ centred
    power, vectors = np.linalg.eigh(square)
    real = power[::-1][:3] > _NOISE * power[-1]
    axes: NDArray[np.float64] = vectors[:, ::-1][:, :3].T[real]
    if wide:
        axes = axes @ centred
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    # An axis and its opposite are the same; of the two, always the same one is shown.
    largest = np.take_along_axis(axes, np.abs(axes).argmax(axis=1)[:, None], axis=1)
    return axes * np.where(largest < 0, -1, 1)
