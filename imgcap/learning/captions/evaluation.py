"""Whether an adapter makes captions better, on pictures that it did not learn from."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from imgcap.inference.events import Cancel, Progress
from imgcap.learning.captions.cider import CiderD, token_f1, words
from imgcap.learning.captions.examples import CaptionExamples
from imgcap.learning.captions.fitting import EPOCHS, taught
from imgcap.learning.captions.writer import Writer
from imgcap.learning.intervals import Gain, gain_of
from imgcap.learning.labels.evaluation import MANY

UNCHECKED: Final = 5
"""Rounds of learning where there is nothing to check by when to stop."""


@dataclass(frozen=True)
class Measures:
    """Mean CIDEr (as usual, from 0 to 10) and mean token F1 (in 0..1) against what people wrote."""

    cider: float
    f1: float


@dataclass(frozen=True)
class CaptionPart:
    """What was measured on some of the pictures.

    Parameters
    ----------
    pictures : int
        How many.
    before, after : Measures
        Of the captioner by itself, and with the adapter.
    gain, f1_gain : Gain
        In CIDEr, and in token F1.
    """

    pictures: int
    before: Measures
    after: Measures
    gain: Gain
    f1_gain: Gain


@dataclass(frozen=True)
class CaptionEvaluation:
    """What was measured of an adapter.

    Parameters
    ----------
    everything : CaptionPart
        All judged captions that were measured.
    corrected : CaptionPart or None
        Those that someone corrected; None if there are none.
    untouched : CaptionPart or None
        Those that were rated good as they were; None if there are none.
    corrections : int
        How many corrections there are to learn from.
    """

    everything: CaptionPart
    corrected: CaptionPart | None
    untouched: CaptionPart | None
    corrections: int

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain values."""
        return asdict(self)


def cross_validate(
    writer: Writer,
    examples: CaptionExamples,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> tuple[CaptionEvaluation, int]:
    """Measure what an adapter is worth, each caption without having learned from its picture.

    The folds are those of the pictures, fixed once; a group is never divided. Of those that are
    learned from, one fold only says when to stop.

    Returns
    -------
    CaptionEvaluation
    int
        After how many rounds learning was at its best, in the middle of all turns.
    """
    turns = np.unique(examples.folds)[: 1 if len(examples) >= MANY else None].tolist()
    measured = np.isin(examples.folds, turns)
    before = np.array(writer.write(examples.only(measured).pictures, cancel), object)
    after = before.copy()
    epochs: list[int] = []
    for turn, held_out in enumerate(turns):
        learned, checked = _divided(examples, held_out)
        if not learned.corrected.any():
            continue
        rounds = _Rounds(progress, turn, len(turns))
        with taught(
            writer,
            learned,
            checked,
            epochs=EPOCHS if checked else UNCHECKED,
            cancel=cancel,
            told=rounds.one_more,
        ) as adapter:
            out = examples.folds == held_out
            after[out[measured]] = writer.write(examples.only(out).pictures, cancel)
            epochs.append(adapter.epochs)
    if progress:
        progress(len(turns) * EPOCHS, len(turns) * EPOCHS)
    found = measured_captions(examples.only(measured), before.tolist(), after.tolist())
    corrections = int(examples.corrected.sum())
    best = round(float(np.median(epochs))) if epochs else UNCHECKED
    return CaptionEvaluation(*found, corrections), best


def evaluate(
    examples: CaptionExamples, known: Collection[UUID], plain: Writer, adapted: Writer
) -> CaptionEvaluation | None:
    """Measure an adapter on captions of pictures that it did not learn from.

    Parameters
    ----------
    known : collection of UUID
        The records that it learned from.
    plain, adapted : Writer
        The captioner by itself, and with the adapter.

    Returns
    -------
    CaptionEvaluation or None
        None if there is no such picture.
    """
    learned = np.array([each in known for each in examples.records], bool)
    new = examples.only(~np.isin(examples.groups, examples.groups[learned]))
    if not len(new):
        return None
    before, after = (each.write(new.pictures) for each in (plain, adapted))
    corrections = int(examples.corrected.sum())
    return CaptionEvaluation(*measured_captions(new, before, after), corrections)


def measured_captions(
    examples: CaptionExamples, before: Sequence[str], after: Sequence[str]
) -> tuple[CaptionPart, CaptionPart | None, CaptionPart | None]:
    """Measure captions of all examples, of those corrected, and of those rated good."""
    references = [words(target) for target in examples.targets]
    cider = CiderD({place: [each] for place, each in enumerate(references)})
    scores = [
        np.array(
            [
                (cider.score(said, place), token_f1(said, references[place]))
                for place, said in enumerate(map(words, captions))
            ]
        )
        for captions in (before, after)
    ]

    def part(chosen: NDArray[np.bool_]) -> CaptionPart:
        was, now = (each[chosen] for each in scores)
        groups, gains = examples.groups[chosen], now - was
        return CaptionPart(
            int(chosen.sum()),
            Measures(*map(float, was.mean(0))),
            Measures(*map(float, now.mean(0))),
            gain_of(groups, gains[:, 0]),
            gain_of(groups, gains[:, 1]),
        )

    corrected = examples.corrected
    return (
        part(np.ones(len(examples), bool)),
        part(corrected) if corrected.any() else None,
        part(~corrected) if not corrected.all() else None,
    )


def _divided(
    examples: CaptionExamples, held_out: int
) -> tuple[CaptionExamples, CaptionExamples | None]:
    """Return what is learned while a fold is held out, and what says when to stop, if anything."""
    rest = [fold for fold in np.unique(examples.folds).tolist() if fold != held_out]
    if len(rest) < 2:  # noqa: PLR2004  # one to learn from, one to check by
        return examples.only(examples.folds != held_out), None
    checking = next((fold for fold in rest if fold > held_out), rest[0])
    learned = np.isin(examples.folds, [fold for fold in rest if fold != checking])
    return examples.only(learned), examples.only(examples.folds == checking)


class _Rounds:
    """Tells how far all turns are; one that stops early jumps ahead with the next."""

    def __init__(self, progress: Progress | None, turn: int, turns: int) -> None:
        self._progress = progress
        self._done = turn * EPOCHS
        self._total = turns * EPOCHS

    def one_more(self) -> None:
        self._done += 1
        if self._progress:
            self._progress(self._done, self._total)
