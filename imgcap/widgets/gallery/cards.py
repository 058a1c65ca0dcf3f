"""What the gallery says of one picture, and what it is filtered and sorted by."""

import re
from collections.abc import Mapping
from typing import Final

from imgcap.inference import Description
from imgcap.percentages import percent
from imgcap.widgets.browser import GalleryCard
from imgcap.widgets.elements import plain
from imgcap.widgets.shelf import Shown
from imgcap.widgets.upload import strip_status

UNKNOWN: Final = frozenset({"waiting", "working"})
"""Statuses of a picture that is not described yet."""


def card(
    shown: Shown,
    description: Description | None,
    status: str,
    match: float | None,
    reason: str,
) -> GalleryCard:
    """Return what the grid shows of a picture.

    `match` is how near it is to what is searched, `reason` why it is worth a label.
    """
    first = description.predictions[:1] if description else ()
    return GalleryCard(
        version=shown.version,
        name=plain(shown.name),
        caption=plain(description.caption if description else ""),
        label=plain(" ".join(f"{each.label} · {percent(each.score)}" for each in first)),
        match="" if match is None else f"{match:.3f}",
        reason=plain(reason),
        status=strip_status(status),
        problem=plain(status) if strip_status(status) == "failed" else "",
    )


def best(description: Description | None) -> str:
    """Return the likeliest label, or nothing as long as that is unknown."""
    return description.predictions[0].label if description and description.predictions else ""


def score(description: Description | None, otherwise: float) -> float:
    """Return how sure the likeliest label is, in 0..1."""
    return (
        description.predictions[0].score if description and description.predictions else otherwise
    )


def ordered(
    pictures: list[Shown], known: Mapping[str, Description | None], how: str
) -> list[Shown]:
    """Return the pictures surest first, least sure first, by name, or as they came."""
    match how:
        case "sure":
            return sorted(pictures, key=lambda shown: -score(known[shown.id], 0))
        case "unsure":
            return sorted(pictures, key=lambda shown: score(known[shown.id], 1))
        case "name":
            return sorted(pictures, key=lambda shown: name_key(shown.name))
    return pictures


def name_key(name: str) -> str:
    """Return what sorts names as people do, “cat 9” before “cat 10”: longer numbers are larger."""

    def with_length(number: re.Match[str]) -> str:
        digits = number[0].lstrip("0")
        return f"{len(digits):04}{digits}"

    return re.sub(r"\d+", with_length, name.casefold())
