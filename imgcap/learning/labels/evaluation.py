"""Whether an adapter is better than the checkpoint, on feedback that it did not learn from.

The baseline is the best that the checkpoint does by itself: whichever of the app's templates, one
or the ensemble, is right more often on the very pictures that are measured.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax
from scipy.stats import binomtest

from imgcap.inference.label_weights import Floats, Weights
from imgcap.learning.intervals import Gain, calibration_error, gain_of
from imgcap.learning.labels.adapters import Kind, fit, logits
from imgcap.learning.labels.examples import Examples, Vocabulary

MANY: Final = 500
"""From so many judged pictures on, one fold is kept aside; with fewer, each takes its turn."""

MOST_CHANGED: Final = 24


@dataclass(frozen=True)
class Measures:
    """Of the best labels: accuracy, its mean over labels, and expected calibration error."""

    accuracy: float
    macro_accuracy: float
    ece: float


@dataclass(frozen=True)
class Part:
    """What was measured on some of the pictures.

    Parameters
    ----------
    pictures : int
        How many.
    before, after : Measures
        Of the checkpoint by itself, and with the adapter.
    gain, macro_gain : Gain
        In accuracy, and in its mean over labels. An adapter that only knows which label is judged
        most often gains the first and not the second.
    mcnemar : float
        Exact two-sided p of McNemar's test: how likely the answers that turned right and those
        that turned wrong would differ so much by chance.
    """

    pictures: int
    before: Measures
    after: Measures
    gain: Gain
    macro_gain: Gain
    mcnemar: float


@dataclass(frozen=True)
class Change:
    """An answer to a judged picture that is another one with the adapter.

    Parameters
    ----------
    record : str
        The id of the feedback.
    before, after, right : str
        Labels.
    """

    record: str
    before: str
    after: str
    right: str


@dataclass(frozen=True)
class Evaluation:
    """What was measured of an adapter.

    Parameters
    ----------
    everything : Part
        All judged pictures that were measured.
    corrected : Part or None
        Those whose label someone corrected, on this picture or on another; None if there are none.
    untouched : Part or None
        Those whose label nobody corrected; None if there are none.
    untouched_labels : int
        How many such labels were candidates.
    repaired : float or None
        Which part of the wrong answers the adapter puts right.
    broken : float or None
        Which part of the right ones it spoils.
    errors : float
        How often the checkpoint is wrong by its own confidence, in all its answers on record.
    corrections : int
        How many corrections there are to learn from.
    judged : int
        How many pictures were judged, measured or not.
    template : str
        Which was the baseline: ``single`` or ``ensemble``.
    changed : tuple of Change
        Answers that are others with the adapter, at most `MOST_CHANGED`; wrong ones that are right
        now first, then right ones that are wrong now.
    """

    everything: Part
    corrected: Part | None
    untouched: Part | None
    untouched_labels: int
    repaired: float | None
    broken: float | None
    errors: float
    corrections: int
    judged: int
    template: str
    changed: tuple[Change, ...] = ()

    @property
    def weighed(self) -> float | None:
        """The gain in accuracy if wrong answers were as frequent as confidence says.

        People judge wrong answers more eagerly than right ones; this takes that back.
        """
        if self.repaired is None or self.broken is None:
            return None
        return self.errors * self.repaired - (1 - self.errors) * self.broken

    @property
    def break_even(self) -> float | None:
        """How frequent wrong answers must be for the adapter to do more good than harm."""
        if self.repaired is None or self.broken is None or not self.repaired + self.broken:
            return None
        return self.broken / (self.repaired + self.broken)

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain values."""
        plain = asdict(self) | {"weighed": self.weighed, "break_even": self.break_even}
        return plain | {"changed": list(plain["changed"])}  # as JSON has it


def cross_validate(kind: Kind, examples: Examples, vocabulary: Vocabulary) -> Evaluation:
    """Measure what an adapter of this kind is worth, each picture without having learned from it.

    The folds are those of the pictures, fixed once; a group is never divided.
    """

    def answers(taught: NDArray[np.int64], held_out: NDArray[np.int64]) -> Floats:
        learned = examples.only(taught)
        weights = fit(kind, learned, vocabulary) if learned.corrected.any() else None
        return logits(examples.only(held_out), vocabulary, weights)

    return measured_by(answers, examples, vocabulary)


def measured_by(
    answers: Callable[[NDArray[np.int64], NDArray[np.int64]], Floats],
    examples: Examples,
    vocabulary: Vocabulary,
) -> Evaluation:
    """Measure a manner of learning fold by fold.

    Parameters
    ----------
    answers : callable
        Learns from the examples at the first places, and returns `(n_held_out, n_labels) float32`
        logits of those at the second.
    """
    turns = held_out_in_turn(examples)
    after = np.full(examples.asked.shape, -np.inf, np.float32)
    for fold in turns:
        out = examples.folds == fold
        after[out] = answers(np.flatnonzero(~out), np.flatnonzero(out))
    return _evaluation(examples, np.isin(examples.folds, turns), after, vocabulary)


def held_out_in_turn(examples: Examples) -> NDArray[np.int64]:
    """Return the folds that are held out, one after the other."""
    turns: NDArray[np.int64] = np.unique(examples.folds)[: 1 if len(examples) >= MANY else None]
    return turns


def evaluate(
    weights: Weights | None,
    examples: Examples,
    new: NDArray[np.bool_],
    vocabulary: Vocabulary,
    seen: Floats | None = None,
) -> Evaluation:
    """Measure an adapter on examples it did not learn from, which `new` marks.

    Parameters
    ----------
    seen : ndarray, optional
        `(n, dim) float32` unit vectors of the pictures as the adapter's own tower sees them.
    """
    shown = examples if seen is None else replace(examples, pictures=seen)
    return _evaluation(examples, new, logits(shown, vocabulary, weights), vocabulary)


def _evaluation(
    examples: Examples, measured: NDArray[np.bool_], after: Floats, vocabulary: Vocabulary
) -> Evaluation:
    labels_corrected = np.unique(examples.right[examples.corrected])
    shown, after = examples.only(measured), after[measured]
    template, before = _baseline(shown, vocabulary)
    was, now = (values.argmax(1) == shown.right for values in (before, after))
    taught = np.isin(shown.right, labels_corrected)
    candidates = np.flatnonzero(examples.asked.any(0))
    confidence = softmax(before / vocabulary.temperature, axis=1).max(1)

    def part(chosen: NDArray[np.bool_]) -> Part:
        return _part(
            shown.only(chosen),
            before[chosen] / np.float32(vocabulary.temperature),
            after[chosen],
        )

    return Evaluation(
        everything=part(np.ones(len(shown), bool)),
        corrected=part(taught) if taught.any() else None,
        untouched=part(~taught) if not taught.all() else None,
        untouched_labels=len(np.setdiff1d(candidates, labels_corrected)),
        repaired=float(now[~was].mean()) if not was.all() else None,
        broken=float((~now)[was].mean()) if was.any() else None,
        errors=float(1 - confidence.mean()) if vocabulary.errors is None else vocabulary.errors,
        corrections=int(examples.corrected.sum()),
        judged=len(examples),
        template=template,
        changed=_changed(shown, before.argmax(1), after.argmax(1), vocabulary.labels),
    )


def _changed(
    shown: Examples, before: NDArray[np.int64], after: NDArray[np.int64], labels: Sequence[str]
) -> tuple[Change, ...]:
    right = shown.right
    rows = np.flatnonzero(before != after)
    # Repaired, then spoilt, then from one wrong label to another.
    ordered = sorted(rows, key=lambda row: (after[row] != right[row], before[row] != right[row]))
    return tuple(
        Change(str(shown.records[row]), labels[before[row]], labels[after[row]], labels[right[row]])
        for row in ordered[:MOST_CHANGED]
    )


def _baseline(shown: Examples, vocabulary: Vocabulary) -> tuple[str, Floats]:
    """Return the better of the app's two ways to name a label."""
    ways = {
        "single": logits(shown, vocabulary),
        "ensemble": logits(shown, vocabulary.with_ensemble()),
    }
    name = max(ways, key=lambda way: float((ways[way].argmax(1) == shown.right).mean()))
    return name, ways[name]


def _part(shown: Examples, before: Floats, after: Floats) -> Part:
    was, now = (values.argmax(1) == shown.right for values in (before, after))
    gains = now.astype(float) - was
    _, label = np.unique(shown.right, return_inverse=True)
    counts = np.bincount(label)
    better, worse = int((now & ~was).sum()), int((was & ~now).sum())
    return Part(
        len(shown),
        _measures(before, shown.right),
        _measures(after, shown.right),
        gain_of(shown.groups, gains),
        gain_of(shown.groups, gains * len(gains) / (len(counts) * counts[label])),
        float(binomtest(better, better + worse).pvalue) if better + worse else 1.0,
    )


def _measures(values: Floats, right: NDArray[np.int64]) -> Measures:
    hits = values.argmax(1) == right
    _, label = np.unique(right, return_inverse=True)
    scores = softmax(values.astype(np.float64), axis=1)
    return Measures(
        float(hits.mean()),
        float((np.bincount(label, hits) / np.bincount(label)).mean()),
        calibration_error(scores.max(1), hits),
    )
