"""CIDEr-D against a fixed set of references, quick enough to be a training reward.

Vedantam, Zitnick, Parikh, "CIDEr: Consensus-based image description evaluation" (2015). The
figures in the evaluation file come from the public `pycocoevalcap`; `evaluate.py` stops if the two
disagree.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

MAX_N = 4
SIGMA = 6.0


def ngrams(words: Sequence[str]) -> list[Counter]:
    """Count the 1- to 4-grams of a caption, one counter an order."""
    return [
        Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        for n in range(1, MAX_N + 1)
    ]


class CiderD:
    """Score captions against the references of the picture they describe."""

    def __init__(self, references: dict[Hashable, list[list[str]]]) -> None:
        counted = {key: [ngrams(r) for r in refs] for key, refs in references.items()}
        self.frequency: Counter = Counter()
        for refs in counted.values():
            self.frequency.update({gram for ref in refs for order in ref for gram in order})
        self.log_pictures = math.log(len(references))
        self.references = {
            key: [(self._vectors(ref), sum(ref[0].values())) for ref in refs]
            for key, refs in counted.items()
        }

    def _vectors(self, counts: list[Counter]) -> list[tuple[dict, float]]:
        vectors = []
        for order in counts:
            vector = {
                gram: count * (self.log_pictures - math.log(max(1, self.frequency[gram])))
                for gram, count in order.items()
            }
            vectors.append((vector, math.sqrt(sum(v * v for v in vector.values()))))
        return vectors

    def score(self, words: Sequence[str], key: Hashable) -> float:
        """CIDEr-D of one caption (10 is perfect in the paper; here, as usual, times 10)."""
        counts = ngrams(words)
        vectors, total = self._vectors(counts), 0.0
        for reference, length in self.references[key]:
            penalty = math.exp(-((len(words) - length) ** 2) / (2 * SIGMA**2))
            for (mine, norm), (theirs, their_norm) in zip(vectors, reference, strict=True):
                if norm and their_norm:
                    shared = sum(
                        min(value, theirs[gram]) * theirs[gram]
                        for gram, value in mine.items()
                        if gram in theirs
                    )
                    total += penalty * shared / (norm * their_norm)
        return 10.0 * total / MAX_N / len(self.references[key])
