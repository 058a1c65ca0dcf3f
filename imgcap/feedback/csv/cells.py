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
_SHOWN: Final = (  # in the order of `Outline`
    *("corrected_label", "caption", "corrected_caption", "classifier", "captioner"),
    *("classifier_revision", "captioner_revision"),
)
OUTLINED: Final = frozenset({*_SHOWN, "predictions", "independent"})
_TRUTHS: Final = {b"": False, b"false": False, b"true": True}
# The start of JSON's escapes, and of letters that without letter case become ASCII ones, like ß.
_DISGUISES: Final = (
    b"\\",
    *map(str.encode, "\xdf\u0130\u0149\u017f\u01f0\u212a"),
    b"\xe1\xba",
    b"\xef\xac",
)
_CHANGED: Final = {*map(chr, range(32)), '"', "\\", ";", "\x7f"}  # other ASCII is written as it is
_NEVER: Final = bytes(range(128)).replace(b"\\", b"")
_decode_first = json.JSONDecoder().raw_decode


def outline(row: Match[bytes]) -> Outline:
    """Return the outline of a row; raises `ValueError` if only its record can tell."""
    cells = row.groupdict()
    independent = _TRUTHS.get(cells.get("independent", b""))
    if independent is None:
        raise ValueError(cells["independent"])
    time, rating = datetime.fromisoformat(row[2].decode()), int(row[3])
    texts = _plain([cells.get(name, b"") for name in _SHOWN])
    return Outline._make((time, rating, *_top(cells), *texts, independent))


def finds(query: Query, row: Match[bytes]) -> bool:
    """Whether a row has the query's words and session; raises `ValueError` like `outline`."""
    cells = row.groupdict()
    if query.session and plain(cells.get("session", b"")) != query.session:
        return False
    searchable = "\n".join(_plain([cells.get(name, b"") for name in _TEXTS])).casefold()
    missing = [word for word in query.words if word not in searchable]
    if not missing:
        return True
    label = _top(cells)[0].casefold()
    return all(word in label for word in missing)


def needles(query: Query) -> Sequence[bytes]:
    """Return what occurs in every line that the query finds, if nothing there is in disguise."""
    asked = (*query.words, query.session.casefold())
    return [text.encode() for text in asked if text.isascii() and not _CHANGED & {*text}]


def may_hold(lines: bytes, needles: Sequence[bytes]) -> bool:
    """Whether all of the needles may occur, without letter case; quick, to rule out most lines."""
    lowered = lines.lower()
    if all(needle in lowered for needle in needles):
        return True
    suspects = lines.translate(None, _NEVER)
    return any(disguise in suspects for disguise in _DISGUISES)


def _plain(cells: Sequence[bytes]) -> list[str]:
    joined = b"\0".join(cells)
    if b"'" in joined or b"\\" in joined:
        return [plain(cell) for cell in cells]
    return joined.replace(b'""', b'"').decode().split("\0")  # nothing to restore


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
