"""What the classifier trains on: cached grids, captions, class names and everyday tags."""

from pathlib import Path

import numpy as np
import torch
from features import grid_file
from phrases import TAGS, tags_of
from pictures import LABELLED, SETS, read_set
from texts import names_of
from torch import Tensor

IMAGENET = "imagenet1k-one-each"
NAMED = (IMAGENET, "caltech101", "sports100")  # whose class names have tags by themselves


class Data:
    """Cached grids, captions, class names and tags of every set."""

    def __init__(self, cache: Path, variant: str) -> None:
        folder = cache / "pictures"
        self.items = {name: read_set(folder, name) for name in SETS}
        self.grids = {name: np.load(grid_file(cache, variant, name)) for name in SETS}
        self.classes = {
            name: list(dict.fromkeys(item.label for item in self.items[name])) for name in LABELLED
        }
        self.names = {
            name: [names_of(next(i for i in self.items[name] if i.label == c)) for c in classes]
            for name, classes in self.classes.items()
        }
        self.target = {
            name: torch.tensor([self.classes[name].index(i.label) for i in self.items[name]])
            for name in LABELLED
        }
        self.rows = {
            (name, part): np.array([k for k, i in enumerate(items) if i.part == part], int)
            for name, items in self.items.items()
            for part in ("train", "dev")
        }
        self.rows[IMAGENET, "dev"] = self.rows[IMAGENET, "train"]
        self.tags = {name: self._tag_table(name) for name in SETS}
        self.name_tags = np.concatenate(
            [
                self.tags[name][[self.first_row(name, c) for c in range(len(self.classes[name]))]]
                for name in NAMED
            ]
        )

    def first_row(self, name: str, target: int) -> int:
        """Return the first picture of a class."""
        return int((self.target[name] == target).nonzero()[0])

    def _tag_table(self, name: str) -> np.ndarray:
        """1 true, 0 false, -1 unknown: (n_pictures, n_tags) int8."""
        table = np.zeros((len(self.items[name]), len(TAGS)), np.int8)
        for k, item in enumerate(self.items[name]):
            tagged = tags_of(item, k)
            for j, tag in enumerate(TAGS):
                table[k, j] = 1 if tag in tagged.true else -1 if tag in tagged.unknown else 0
        return table

    def grid(self, name: str, rows: np.ndarray) -> Tensor:
        """Return cached grids as a tensor (n, 7, 7, channels) float16."""
        return torch.from_numpy(self.grids[name][rows])
