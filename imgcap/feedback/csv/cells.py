"""What a search and an outline need of a row, taken from its line without making the record."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from re import Match
from typing import Final

from imgcap.feedback.csv.format import plain
from imgcap.feedback.store import Outline, Query

_TEXTS: Final = ("comment", "corrected_label", "corrected_caption", "caption", "picture_name")
SEARCHED: Final = frozenset({*_TEXTS, "predictions", "session"})
_SHOWN: Final = ("corrected_label", "caption", "corrected_caption", "classifier", "captioner")
OUTLINED: Final = frozenset({*_SHOWN, "predictions"})
_decode_first = json.JSONDecoder().raw_decode


def outline(row: Match[bytes]) -> Outline:
    """Return the outline of a row; raises `ValueError` if only its record can tell."""
    cells = row.groupdict()
    time, rating = datetime.fromisoformat(row[2].decode()), int(row[3])
    return Outline(time, rating, *_top(cells), *(plain(cells.get(name, b"")) for name in _SHOWN))


def finds(query: Query, row: Match[bytes]) -> bool:
    """Whether a row has the query's words and session; raises `ValueError` like `outline`."""
    cells = row.groupdict()
    if query.session and plain(cells.get("session", b"")) != query.session:
        return False
    if not query.words:
        return True
    label, _ = _top(cells)
    texts = (plain(cells.get(name, b"")) for name in _TEXTS)
    searchable = "\n".join([label, *texts]).casefold()
    return all(word in searchable for word in query.words)


def needles(query: Query) -> Sequence[bytes]:
    """Return what occurs in every line that the query can find, after `folded`.

    Only letters and digits stand in the file as they are; other text may be in disguise.
    """
    return [word.encode() for word in query.words if word.isalnum()]


def folded(line: bytes) -> bytes | None:
    """Return a line without letter case, None if letters may be in disguise, too."""
    if b"\\u" in line:
        return None
    return line.lower() if line.isascii() else line.decode(errors="replace").casefold().encode()


def _top(cells: Mapping[str, bytes]) -> tuple[str, float | None]:
    """Return the likeliest label and its score; the other predictions are not decoded."""
    text = plain(cells.get("predictions", b""))
    if not text:
        return "", None
    try:
        first, _ = _decode_first(text, 1)
    except RecursionError as error:
        raise ValueError(text) from error
    match first:
        case {"label": str(label), "score": float(score)} if text[0] == "[":
            return label, score
    raise ValueError(text)
