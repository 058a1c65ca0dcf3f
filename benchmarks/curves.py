"""Whether a relevance map is right: deletion and insertion curves, and the maps to compare with.

Petsiuk, Das and Saenko 2018, "RISE: Randomized Input Sampling for Explanation of Black-box
Models" (arXiv:1806.07421): if the places that a map puts first matter to the model, the label's
probability falls fast when they are deleted in that order, and rises fast when they are inserted.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imgcap.inference.relevance import WHOLE, Box, lay_over

STEPS = 10
"""Equal parts in which a picture is deleted or inserted."""

BLUR = 10 / 224
"""Standard deviation of what insertion starts from, as a part of the picture's longer side."""

Map = NDArray[np.float32]
Score = Callable[[Sequence[Image.Image]], Sequence[float]]
"""Tells the explained label's probability on each picture."""


def areas(
    picture: Image.Image, maps: Mapping[str, Map], score: Score, box: Box = WHOLE
) -> dict[str, tuple[float, float]]:
    """Return for each map the areas under its deletion and insertion curves, in 0..1.

    Deleted pixels get the picture's mean colour; insertion starts from the blurred picture. A
    good map has a small first area and a large second one.
    """
    pixels = np.asarray(picture)
    mean = np.broadcast_to(pixels.mean((0, 1)).round().astype(np.uint8), pixels.shape)
    blurred = picture.filter(ImageFilter.GaussianBlur(BLUR * max(picture.size)))
    found = {}
    for name, grid in maps.items():
        ranks = _ranks(lay_over(grid, box, *picture.size))
        deletion = score(_between(pixels, mean, ranks))
        insertion = score(_between(np.asarray(blurred), pixels, ranks))
        found[name] = (_area(deletion), _area(insertion))
    return found


def rivals(shape: tuple[int, int], seed: int, count: int) -> dict[str, Map]:
    """Return maps that know nothing of the picture, on a grid of the same shape.

    Random cells, smooth random maps, which delete whole regions as a good map does, and the
    middle of the picture, where photographers put what they photograph.
    """
    rng = np.random.default_rng(seed)
    rows, columns = (np.linspace(-1, 1, size)[:, None] for size in shape)
    maps = {"middle": np.exp(-(rows**2) - columns.T**2).astype(np.float32)}
    for number in range(count):
        maps[f"random {number}"] = rng.random(shape, np.float32)
        coarse = Image.fromarray(rng.random((3, 3), np.float32))
        smooth = coarse.resize(shape[::-1], Image.Resampling.BICUBIC)
        maps[f"smooth random {number}"] = np.asarray(smooth)
    return maps


def _ranks(laid: Map) -> NDArray[np.float64]:
    """Return each pixel's place in the order of relevance, the most relevant 0, the last 1."""
    order = np.argsort(-laid, axis=None, kind="stable")
    ranks = np.empty(laid.size)
    ranks[order] = np.linspace(0, 1, laid.size)
    return ranks.reshape(laid.shape)


def _between(
    start: NDArray[np.uint8], end: NDArray[np.uint8], ranks: NDArray[np.float64]
) -> list[Image.Image]:
    """Return the pictures on the way from one to another, the most relevant pixels first."""
    parts = np.linspace(0, 1, STEPS + 1)
    changed = (ranks[..., None] < part if part < 1 else True for part in parts)
    return [Image.fromarray(np.where(which, end, start)) for which in changed]


def _area(curve: Sequence[float]) -> float:
    return float(np.trapezoid(curve, dx=1 / STEPS))
