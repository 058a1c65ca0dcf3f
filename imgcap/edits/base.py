"""What every edit is: a frozen value that knows its words, its size, and how it is done."""

import math
from abc import ABC, abstractmethod
from dataclasses import asdict
from typing import Any, ClassVar, Final

from PIL import Image

Size = tuple[int, int]
"""Width and height in pixels."""

MAX_EDITS: Final = 200
"""Of one picture: more fit on no list, and a feedback record keeps all."""


class EditError(ValueError):
    """An edit that cannot be done; the text is one sentence for the person who asked for it."""


class Edit(ABC):
    """One thing that is done to a picture.

    Its subclasses are frozen dataclasses of numbers and words, checked when they are made; equal
    ones do the same. All are done to RGB pictures, none changes the picture that it is given.
    """

    name: ClassVar[str]
    """The operation, as records keep it."""
    slides: ClassVar[bool] = False
    """Whether it is set by a slider, so that there is one at a time and a move changes it."""
    keeps_places: ClassVar[bool] = False
    """Whether every place of the picture stays where it is."""

    @property
    def is_neutral(self) -> bool:
        """Whether it changes nothing, whatever the picture."""
        return False

    @property
    @abstractmethod
    def words(self) -> str:
        """What it does, as a list of edits says it."""

    def size(self, size: Size) -> Size:
        """Return the size it gives to a picture of another size.

        Raises
        ------
        EditError
            If it cannot be done to such a picture.
        """
        return size

    @abstractmethod
    def apply(self, image: Image.Image) -> Image.Image:
        """Do it; at most two further pictures are in memory meanwhile, the result among them."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values; `imgcap.edits.edit_from` gives it back."""
        return {"edit": self.name, **asdict(self)}  # type: ignore[call-overload]  # a dataclass


def check_whole(value: object, what: str, least: int) -> None:
    """Refuse what is not a whole number from `least` on."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise EditError(f"{what} must be a whole number, at least {least}.")


def check_number(value: object, what: str, least: float, most: float) -> None:
    """Refuse what is not a number between two others."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not (is_number and math.isfinite(value) and least <= value <= most):  # type: ignore[arg-type,operator]
        raise EditError(f"{what} must be a number from {least:g} to {most:g}.")


def check_word(value: object, what: str, words: tuple[str, ...]) -> None:
    """Refuse what is none of a few words."""
    if value not in words:
        raise EditError(f"{what} must be {', '.join(words[:-1])} or {words[-1]}.")
