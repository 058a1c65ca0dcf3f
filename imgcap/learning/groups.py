"""What belongs together when some pictures are held out, and the part each one stays in."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from imgcap.feedback.files import explained, whole_file

FOLDS: Final = 5
NEAR: Final = 6
"""Perceptual hashes of 64 bits that differ in so many are of nearly the same picture."""
FEWEST_SESSIONS: Final = 2 * FOLDS
"""With fewer, folds of whole sessions would be too uneven to learn or to measure."""


def group(
    pictures: Sequence[str], hashes: NDArray[np.uint64], sessions: Sequence[str]
) -> NDArray[np.int64]:
    """Return a number for what must not be divided: equal or nearly equal pictures, and sessions.

    Sessions count from `FEWEST_SESSIONS` on.

    Parameters
    ----------
    pictures : sequence of str
        What names each picture's content.
    hashes : ndarray
        `(n,) uint64` perceptual hashes.
    sessions : sequence of str
        Which page each judgement came from; empty for none.
    """
    links = [*_equal(pictures), *_near(hashes)]
    if len({*sessions} - {""}) >= FEWEST_SESSIONS:
        links += _equal(sessions)
    count = len(pictures)
    rows, columns = np.array(links, np.int64).reshape(-1, 2).T
    graph = coo_array((np.ones(len(rows), np.int8), (rows, columns)), (count, count))
    numbers: NDArray[np.int64] = connected_components(graph, directed=False)[1].astype(np.int64)
    return numbers


def fold(
    pictures: Sequence[str], groups: NDArray[np.int64], frozen: Mapping[str, int]
) -> NDArray[np.int64]:
    """Give every group its part, in 0..4: that of its pictures before, else by their content."""
    parts = np.zeros(len(pictures), np.int64)
    for number in np.unique(groups):
        members = np.flatnonzero(groups == number).tolist()
        names = sorted(pictures[place] for place in members)
        known = [frozen[name] for name in names if name in frozen]
        digest = hashlib.sha256(names[0].encode("utf-8", "replace")).hexdigest()
        parts[members] = known[0] if known else int(digest, 16) % FOLDS
    return parts


def divide(
    pictures: Sequence[str], hashes: NDArray[np.uint64], sessions: Sequence[str], path: Path
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the groups of judged pictures and their parts, which are kept at a path for good.

    Raises
    ------
    FeedbackError
        If the parts cannot be kept.
    """
    groups = group(pictures, hashes, sessions)
    folds = fold(pictures, groups, frozen_folds(path))
    if pictures:
        freeze_folds(path, pictures, folds)
    return groups, folds


def frozen_folds(path: Path) -> dict[str, int]:
    """Read which part each picture was in; a file that is none begins anew."""
    try:
        known = json.loads(path.read_bytes())
        return {str(name): int(part) % FOLDS for name, part in known.items()}
    except (OSError, ValueError, TypeError, AttributeError):
        return {}


def freeze_folds(path: Path, pictures: Sequence[str], folds: NDArray[np.int64]) -> None:
    """Keep which part each picture is in; pictures that are gone are forgotten.

    Raises
    ------
    FeedbackError
        If that cannot be written.
    """
    content = dict(zip(pictures, folds.tolist(), strict=True))
    with explained("The division into parts could not be kept", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(json.dumps(content, indent=0, sort_keys=True).encode())


def _equal(names: Sequence[str]) -> list[tuple[int, int]]:
    first: dict[str, int] = {}
    return [(first.setdefault(name, place), place) for place, name in enumerate(names) if name]


def _near(hashes: NDArray[np.uint64]) -> list[tuple[int, int]]:
    links: list[tuple[int, int]] = []
    for place, own in enumerate(hashes):
        near = np.flatnonzero(np.bitwise_count(hashes[place + 1 :] ^ own) <= NEAR)
        links += [(place, place + 1 + int(other)) for other in near]
    return links
