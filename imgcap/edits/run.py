"""Doing edits: from plain values to a list that fits a picture, and from the list to pixels."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from typing import Final

from PIL import Image

from imgcap.edits.base import MAX_EDITS, Edit, EditError, Size
from imgcap.edits.geometry import Crop, Flip, Resize, Rotate, Turn
from imgcap.edits.tone import AutoContrast, Brightness, Contrast, Saturation
from imgcap.images import MAX_SIDE
from imgcap.settings import usable_settings

_OPERATIONS: Final[Mapping[str, type[Edit]]] = {
    kind.name: kind
    for kind in (Crop, Turn, Rotate, Flip, Resize, Brightness, Contrast, Saturation, AutoContrast)
}


def edit_from(values: Mapping[str, object]) -> Edit:
    """Return the edit that `Edit.as_dict` made plain values of; they may come from anywhere.

    Raises
    ------
    EditError
        If they are not those of an edit.
    """
    parameters = dict(values)
    name = parameters.pop("edit", None)
    kind = _OPERATIONS.get(name) if isinstance(name, str) else None
    if kind is None:
        raise EditError("There is an edit of a kind that this program does not know.")
    if parameters.keys() != {field.name for field in fields(kind)}:  # type: ignore[arg-type]
        raise EditError(f"There is an edit “{name}” with other parameters than such edits have.")
    return kind(**parameters)


def edits_from(values: Iterable[Mapping[str, object]]) -> tuple[Edit, ...]:
    """Return a list of edits from plain values, such as `FeedbackRecord.edits`."""
    return tuple(map(edit_from, values))


def size_after(edits: Sequence[Edit], size: Size, *, max_pixels: int | None = None) -> Size:
    """Return the size that edits give to a picture of another size; no pixel is touched.

    Parameters
    ----------
    edits
        What is to be done, in order.
    size
        Width and height of the picture in pixels.
    max_pixels
        The largest width x height at any step; by default `Settings.max_pixels`.

    Raises
    ------
    EditError
        If an edit cannot be done to the picture as it is at that step, or makes it too large.
    """
    limit = usable_settings()[0].max_pixels if max_pixels is None else max_pixels
    if len(edits) > MAX_EDITS:
        raise EditError(f"A picture can be edited in {MAX_EDITS} steps at most.")
    for edit in edits:
        size = edit.size(size)
        width, height = size
        if width * height > limit:
            raise EditError(
                f"The picture would have {width:,} x {height:,} pixels, "
                f"where at most {limit / 1e6:,.1f} megapixels are possible."
            )
        if max(size) > MAX_SIDE:
            raise EditError(f"The picture would be larger than {MAX_SIDE:,} pixels to a side.")
    return size


def apply(
    image: Image.Image, edits: Sequence[Edit], *, max_pixels: int | None = None
) -> Image.Image:
    """Do edits at full resolution, in order.

    Beside `image` at most three pictures are in memory at a time, each of at most `max_pixels`:
    what an edit is done to, what comes of it, and for a few edits one between the two.

    Parameters
    ----------
    image
        RGB pixels; not changed, and returned as they are if there is nothing to do.
    edits
        What is to be done.
    max_pixels
        As for `size_after`.

    Raises
    ------
    EditError
        If an edit cannot be done to the picture as it is at that step, or makes it too large.
    """
    size_after(edits, image.size, max_pixels=max_pixels)
    try:
        for edit in edits:
            if not edit.is_neutral:
                image = edit.apply(image)
    except MemoryError as error:
        raise EditError("There is not enough memory to edit this picture.") from error
    return image
