"""Judged pictures halfway up a picture tower, each in several views."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from PIL import Image
from transformers import ProcessorMixin

from imgcap.inference.label_weights import Floats
from imgcap.inference.pixels import prepare
from imgcap.learning.low_rank import Places
from imgcap.learning.tower.tail import Seen, Tail

VIEWS: Final = 4
"""The picture itself, and others that show nearly the same."""
_MEMORY: Final = 2**30
_SMALLEST: Final = 0.6
"""The least part of a picture's area that a view shows."""
_BATCH: Final = 16


@dataclass(frozen=True)
class Halfway:
    """Pictures as they come to the blocks that learn.

    Parameters
    ----------
    tail : Tail
    pictures : list of Seen
        One a picture, with a row for each view; the first view is the picture itself.
    """

    tail: Tail
    pictures: list[Seen]

    @property
    def views(self) -> int:
        """Return how many there are of each picture."""
        return len(self.pictures[0].embeddings)

    def batch(self, places: Places, views: Places) -> Seen:
        """Return one view of each of some pictures."""
        chosen = [(self.pictures[place], view) for place, view in zip(places, views, strict=True)]
        names = chosen[0][0].inputs
        return Seen(
            {
                name: torch.stack([seen.inputs[name][view] for seen, view in chosen])
                for name in names
            },
            torch.stack([seen.hidden[view] for seen, view in chosen]).float(),
            torch.stack([seen.embeddings[view] for seen, view in chosen]),
        )

    def embed(self, places: Places) -> Floats:
        """Return `(n, dim) float32` unit vectors of the pictures themselves, as now seen."""
        rows = [np.zeros((0, self.pictures[0].embeddings.shape[1]), np.float32)]
        with torch.no_grad():
            for start in range(0, len(places), _BATCH):
                batch = places[start : start + _BATCH]
                rows.append(self.tail.embed(self.batch(batch, np.zeros_like(batch))).numpy())
        return np.concatenate(rows)


def see(
    tail: Tail,
    processor: ProcessorMixin,
    images: Iterable[Image.Image | None],
    count: int,
    done: Callable[[int], None],
) -> tuple[Halfway, Places]:
    """Run the first blocks once a view, for all that is learned of it afterwards.

    Parameters
    ----------
    images : iterable of PIL.Image.Image or None
        None for one that cannot be opened any more.
    count : int
        How many there are; very many, or very large ones, have fewer views.
    done : callable
        Told after each picture how many views there were.

    Returns
    -------
    tuple
        The pictures, and the places at which there is one.
    """
    pictures: list[Seen] = []
    there: list[int] = []
    views = VIEWS
    for place, image in enumerate(images):
        if image is not None:
            shown = [*_views(image, views, place)]
            seen = tail.see(prepare(processor, shown))
            hidden = seen.hidden.half()
            views = min(views, max(1, _MEMORY // (count * hidden[0].nbytes)))
            pictures.append(Seen(seen.inputs, hidden, seen.embeddings))
            there.append(place)
        done(VIEWS)
    return Halfway(tail, pictures), np.array(there, np.int64)


def _views(image: Image.Image, count: int, seed: int) -> Iterator[Image.Image]:
    """Yield the picture, then flipped and cropped at random, always the same for a seed."""
    yield image
    chance = np.random.default_rng(seed)
    for number in range(1, count):
        side = chance.uniform(_SMALLEST, 1) ** 0.5
        width, height = (max(1, round(side * length)) for length in image.size)
        left = chance.integers(0, image.width - width, endpoint=True)
        top = chance.integers(0, image.height - height, endpoint=True)
        part = image.crop((left, top, left + width, top + height))
        yield part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if number % 2 else part
