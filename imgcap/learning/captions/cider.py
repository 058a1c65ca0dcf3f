"""How near captions are to references: CIDEr-D, quick enough to be a reward, and token F1.

Vedantam, Zitnick, Parikh, "CIDEr: Consensus-based image description evaluation" (2015). With the
same words it gives what the public `pycocoevalcap` gives; `training/evaluate.py` stops if not.
"""

import math
import re
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from typing import Final

MAX_N: Final = 4
SIGMA: Final = 6.0

Grams = Counter[tuple[str, ...]]

_WORD: Final = re.compile(r"\w+(?:['\u2019-]\w+)*")


def words(text: str) -> list[str]:
    """Return a caption's words in lower case, without punctuation."""
    return _WORD.findall(text.casefold())


def token_f1(caption: Sequence[str], reference: Sequence[str]) -> float:
    """Return in 0..1 how many words two captions share, each as often as both have it."""
    shared = sum((Counter(caption) & Counter(reference)).values())
    length = len(caption) + len(reference)
    return 2 * shared / length if length else 1.0


def ngrams(words: Sequence[str]) -> list[Grams]:
    """Count the 1- to 4-grams of a caption, one counter an order."""
    return [
        Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
        for n in range(1, MAX_N + 1)
    ]


class CiderD:
    """Score captions against the references of the picture they describe.

    Parameters
    ----------
    references : mapping
        By picture its references as words. How telling a phrase is, is counted over them.
    """

    def __init__(self, references: Mapping[Hashable, Sequence[Sequence[str]]]) -> None:
        counted = {key: [ngrams(each) for each in refs] for key, refs in references.items()}
        self.frequency: Grams = Counter()
        for refs in counted.values():
            self.frequency.update({gram for ref in refs for order in ref for gram in order})
        self.log_pictures = math.log(len(references))
        self.references = {
            key: [(self._vectors(ref), sum(ref[0].values())) for ref in refs]
            for key, refs in counted.items()
        }

    def _vectors(self, counts: Sequence[Grams]) -> list[tuple[dict[tuple[str, ...], float], float]]:
        vectors = []
        for order in counts:
            vector = {
                gram: count * (self.log_pictures - math.log(max(1, self.frequency[gram])))
                for gram, count in order.items()
            }
            vectors.append((vector, math.sqrt(sum(value**2 for value in vector.values()))))
        return vectors

    def score(self, words: Sequence[str], key: Hashable) -> float:
        """Return the CIDEr-D of one caption, 0 to 10."""
        vectors, total = self._vectors(ngrams(words)), 0.0
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
