"""Why a model said so, as maps over the picture; no model library."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Map = NDArray[np.float32]

Box = tuple[float, float, float, float]
"""Left, top, right and bottom as parts of the picture's width and height."""

WHOLE: Box = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True, eq=False)
class Relevance:
    """How much each place of a picture speaks for a label.

    Parameters
    ----------
    map : numpy.ndarray
        `(rows, columns) float32`, a value a cell of the model's grid; positive speaks for the
        label, negative against it.
    label : str
        The label that is explained.
    score : float
        What the classifier gives it among its fellow labels, in 0..1.
    method : str
        How the map was made, as a phrase for a person.
    model : str
        The checkpoint that answered.
    ms : float
        Milliseconds it took.
    box : Box
        The part of the picture that the map covers: all of it, unless the model's processor cuts
        the picture to a square. What lies outside was not seen.
    """

    map: "Map"
    label: str
    score: float
    method: str
    model: str
    ms: float
    box: Box = WHOLE


@dataclass(frozen=True, eq=False)
class WordRelevance:
    """Where a captioner looked for each word of a caption.

    Parameters
    ----------
    words : tuple of str
        The caption's words in order, punctuation included.
    maps : numpy.ndarray
        `(n_words, rows, columns) float32`, at least 0; each map sums to 1.
    method, model, ms, box
        As in `Relevance`.
    place_shares : tuple of float
        For each word, the part of the attention in 0..1 that went to places: how much its map is
        worth. The rest went to the concepts and to the picture as a whole.
    concepts : tuple of str
        Names that the captioner was given beside the picture, likeliest first; mostly empty.
    concept_shares : tuple of tuple of float
        For each word, the part of the attention in 0..1 that went to each concept.
    """

    words: tuple[str, ...]
    maps: "Map"
    method: str
    model: str
    ms: float
    box: Box = WHOLE
    place_shares: tuple[float, ...] = ()
    concepts: tuple[str, ...] = ()
    concept_shares: tuple[tuple[float, ...], ...] = ()


def lay_over(grid: "Map", box: Box, width: int, height: int) -> "Map":
    """Return a map as `(height, width) float32`, one value a pixel of the picture.

    Values between the centres of cells are interpolated; outside `box` they are 0.
    """
    import numpy as np
    from PIL import Image

    left, top = round(box[0] * width), round(box[1] * height)
    right, bottom = round(box[2] * width), round(box[3] * height)
    size = max(1, right - left), max(1, bottom - top)
    smooth = np.asarray(Image.fromarray(grid).resize(size, Image.Resampling.BILINEAR))
    laid = np.zeros((height, width), np.float32)
    shown = smooth[max(0, -top) :, max(0, -left) :][: height - max(0, top), : width - max(0, left)]
    rows, columns = shown.shape
    laid[max(0, top) :, max(0, left) :][:rows, :columns] = shown
    return laid
