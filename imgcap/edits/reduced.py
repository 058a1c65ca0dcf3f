"""Edits for a quick look: done to a reduced picture, they give about the same in less time."""

import math
from collections.abc import Sequence
from dataclasses import replace

from imgcap.edits.base import Edit, Size
from imgcap.edits.geometry import Crop, Resize


def reduction(edits: Sequence[Edit], size: Size, side: int) -> int:
    """Return by what a picture can be divided so that its edited look still fills `side` pixels."""
    detail = 1.0  # pixels of the picture to a pixel of what has become of it
    for edit in edits:
        if isinstance(edit, Resize):
            detail /= _gain(edit, size)
        size = edit.size(size)
    longest = max(size)
    return max(1, math.floor(longest * detail / min(side, longest)))


def reduced(edits: Sequence[Edit], size: Size, small: Size) -> tuple[Edit, ...]:
    """Return the edits as they are to be done to a reduced picture.

    Parameters
    ----------
    edits
        Edits of the picture at full size.
    size, small
        The sizes of the picture and of the reduced one.
    """
    done: list[Edit] = []
    for edit in edits:
        if isinstance(edit, Crop):
            fitting: Edit = _smaller_crop(edit, size, small)
        elif isinstance(edit, Resize):
            fitting = _smaller_resize(edit, size, small)
        else:
            fitting = edit
        done.append(fitting)
        size, small = edit.size(size), fitting.size(small)
    return tuple(done)


def _smaller_crop(crop: Crop, size: Size, small: Size) -> Crop:
    across, down = small[0] / size[0], small[1] / size[1]
    left = min(round(crop.left * across), small[0] - 1)
    top = min(round(crop.top * down), small[1] - 1)
    width = min(max(1, round(crop.width * across)), small[0] - left)
    height = min(max(1, round(crop.height * down)), small[1] - top)
    return Crop(left, top, width, height)


def _smaller_resize(resize: Resize, size: Size, small: Size) -> Resize:
    """Return a change of the shape; more pixels would show no more, fewer come at the end."""
    scale = min(1.0, math.sqrt(math.prod(small) / math.prod(size)) / _gain(resize, size))
    width, height = (max(1, round(side * scale)) for side in resize.size(size))
    how = "stretch" if resize.how == "fit" else resize.how
    return replace(resize, width=width, height=height, how=how)


def _gain(resize: Resize, size: Size) -> float:
    """Return by how much a picture's sides grow."""
    width, height = resize.size(size)
    across, down = width / size[0], height / size[1]
    return max(across, down) if resize.how == "fill" else math.sqrt(across * down)
