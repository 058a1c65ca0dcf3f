"""Boxes of whole pixels on a picture: kept inside it, given a shape."""

from imgcap.edits.base import Size

Box = tuple[int, int, int, int]
"""Left, top, width and height in pixels."""


def inside(box: Box, size: Size) -> Box:
    """Return the box moved, and if need be cut, so that a picture of that size contains it."""
    left, top, width, height = box
    width, height = min(max(1, width), size[0]), min(max(1, height), size[1])
    return (
        min(max(0, left), size[0] - width),
        min(max(0, top), size[1] - height),
        width,
        height,
    )


def shaped(box: Box, ratio: float, size: Size) -> Box:
    """Return the largest box of a shape within another one, around the same middle.

    Parameters
    ----------
    ratio
        Width by height; 0 for any shape.
    size
        Of the picture that contains both.
    """
    left, top, width, height = inside(box, size)
    if not ratio:
        return left, top, width, height
    across = min(width, max(1, round(height * ratio)))
    down = min(height, max(1, round(width / ratio)))
    return left + (width - across) // 2, top + (height - down) // 2, across, down
