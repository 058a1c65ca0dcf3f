"""What to label next: the pictures whose right label would teach the most.

A picture teaches where the classifier is unsure, and where many others are like it. So pictures are
chosen that stand for as much as possible of what is unsure and not judged yet: a facility location
function, weighted by uncertainty, that a greedy choice maximises to within 1 - 1/e of the best
(Wei, Iyer, Bilmes, "Submodularity in Data Subset Selection and Active Learning", 2015). A picture
is the less sure the smaller the margin between its two best labels (Scheffer, Decomain, Wrobel,
"Active Hidden Markov Models for Information Extraction", 2001). Nothing is drawn by chance.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from imgcap.inference.results import Prediction
from imgcap.learning.embeddings import Seen
from imgcap.learning.groups import group

COUNT: Final = 10

# Chosen on actions15: with 10 only close relatives count, without it everything is alike.
_SHARPNESS: Final = 5.0
_CLOSE: Final = 0.5
"""A second label with this share of the best one's score could as well be it."""
_SEVERAL: Final = 2
_MOST: Final = 4_000
"""Similarities of so many pictures to each other take 64 MB; of more, the least sure are looked at.
"""


@dataclass(frozen=True)
class Candidate:
    """A picture that could be judged.

    Parameters
    ----------
    id : str
        What names its content, such as a digest.
    seen : Seen
    predictions : tuple of Prediction
        The best two at least, best first; their scores are shares of one.
    """

    id: str
    seen: Seen
    predictions: tuple[Prediction, ...]

    @property
    def margin(self) -> float:
        """How far the best label is ahead of the second, in 0..1."""
        first, *rest = self.predictions
        return first.score - rest[0].score if rest else 0.0


@dataclass(frozen=True)
class Choice:
    """A picture that is worth a label, and why, as words that follow its name."""

    candidate: Candidate
    reason: str


def choose(
    candidates: Sequence[Candidate],
    judged_ids: Collection[str] = (),
    judged: Sequence[Seen] = (),
    count: int = COUNT,
) -> list[Choice]:
    """Choose pictures to label, the one that teaches most first.

    Pictures that were judged, and those nearly equal to one that was or to another choice, are left
    out, so that there may be fewer than `count`.

    Parameters
    ----------
    candidates : sequence of Candidate
        All pictures, judged or not.
    judged_ids : collection of str
        Ids of what was judged, here or elsewhere.
    judged : sequence of Seen
        How judged pictures look that are not among the candidates, as far as that is known.
    count : int
        The most that are chosen.
    """
    judged = [*judged, *(each.seen for each in candidates if each.id in judged_ids)]
    rest = [each for each in candidates if each.id not in judged_ids]
    groups = _groups(rest, judged)
    free = np.flatnonzero(~np.isin(groups[: len(rest)], groups[len(rest) :])).tolist()
    left = sorted(free, key=lambda place: rest[place].margin)[:_MOST]
    if not left:
        return []
    pool = [rest[place] for place in left]
    vectors = np.stack([each.seen.embedding for each in pool]).astype(np.float32)
    alike = _alike(vectors, vectors)
    known = np.zeros(len(pool), np.float32)
    if judged:
        known = _alike(vectors, np.stack([each.embedding for each in judged])).max(1)
    unsure = np.array([1 - each.margin for each in pool], np.float32)
    chosen = _greedy(alike, known, unsure, groups[left], count)
    others = _others(alike, known, chosen)
    return [
        Choice(pool[place], _reason(pool[place], number, any_judged=bool(judged)))
        for place, number in zip(chosen, others, strict=True)
    ]


def _groups(candidates: Sequence[Candidate], judged: Sequence[Seen]) -> NDArray[np.int64]:
    ids = [each.id for each in candidates] + [""] * len(judged)
    hashes = [each.seen.hash for each in candidates] + [each.hash for each in judged]
    return group(ids, np.array(hashes, np.uint64), [""] * len(ids))


def _alike(rows: NDArray[np.float32], columns: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how alike pictures are, in 0..1: `(n_rows, n_columns)`."""
    found: NDArray[np.float32] = np.exp(_SHARPNESS * (rows @ columns.T - 1)).astype(np.float32)
    return found


def _greedy(
    alike: NDArray[np.float32],
    known: NDArray[np.float32],
    unsure: NDArray[np.float32],
    groups: NDArray[np.int64],
    count: int,
) -> list[int]:
    chosen: list[int] = []
    is_open = np.ones(len(known), bool)
    while len(chosen) < count and is_open.any():
        gains = unsure @ np.maximum(0, alike - known[:, None])
        best = int(np.where(is_open, gains, -1).argmax())
        chosen.append(best)
        known = np.maximum(known, alike[:, best])
        is_open &= groups != groups[best]
    return chosen


def _others(
    alike: NDArray[np.float32], known: NDArray[np.float32], chosen: Sequence[int]
) -> list[int]:
    """Count for each choice the pictures that are more like it than like any other or judged."""
    likest = alike[:, chosen].argmax(1)
    likest[alike[:, chosen].max(1) <= known] = -1
    likest[chosen] = -1
    counts: list[int] = np.bincount(likest[likest >= 0], minlength=len(chosen)).tolist()
    return counts


def _reason(candidate: Candidate, others: int, *, any_judged: bool) -> str:
    first, *rest = candidate.predictions
    if rest and rest[0].score >= _CLOSE * first.score:
        return f"between “{first.label}” and “{rest[0].label}”"
    if others >= _SEVERAL:
        return f"stands for {others:,} of the others"
    return "unlike any that was judged" if any_judged else "unlike the others"
