"""Counts by name for names that anyone may have written: the frequent ones, the rest together."""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

_MOST_KEYS = 50_000


@lru_cache(maxsize=2_000)
def alike(text: str) -> str:
    """Return what texts have in common that differ in letter case, spaces or Unicode form only."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


class Tally:
    """Counts of keys that begin with names; when there are too many, the rarest names become None.

    All counts of a name go together, so that none of its means is bent, and nothing is lost of the
    sum over all names.

    Parameters
    ----------
    most : int
        How many names outlive that.
    names : int
        How many members of a key are names.
    """

    def __init__(self, most: int = 2_000, names: int = 1) -> None:
        self.counts: Counter[tuple[Any, ...]] = Counter()
        self._most, self._names = most, names

    def add(self, keys: Iterable[tuple[Any, ...]]) -> None:
        """Count each key once more."""
        self.counts.update(keys)
        if len(self.counts) > _MOST_KEYS:
            kept = {name for name, _ in self._totals().most_common(self._most)}
            self.counts = self._renamed(lambda name: name if name in kept else None)

    def merged(self) -> Counter[tuple[Any, ...]]:
        """Return the counts with names that are alike under the spelling that is most frequent."""
        totals = self._totals()
        spellings = defaultdict(list)
        for name in totals:
            spellings[alike(name)].append(name)
        common = {
            name: min(names, key=lambda name: (-totals[name], name))
            for names in spellings.values()
            for name in names
        }
        return self._renamed(lambda name: None if name is None else common[name])

    def _totals(self) -> Counter[str]:
        totals: Counter[str] = Counter()
        for key, number in self.counts.items():
            for name in key[: self._names]:
                if name is not None:
                    totals[name] += number
        return totals

    def _renamed(self, rename: Callable[[str | None], str | None]) -> Counter[tuple[Any, ...]]:
        counts: Counter[tuple[Any, ...]] = Counter()
        for key, number in self.counts.items():
            counts[(*map(rename, key[: self._names]), *key[self._names :])] += number
        return counts
