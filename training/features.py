"""Run the frozen tower once over every picture and keep the grid before its head.

A grid is (7, 7, channels) float16. View 0 is the whole picture, views 1... are random crops.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from pictures import SETS, open_square, random_view, read_set, to_pixels, unpack
from tower import build_tower

BATCH = 64


def grid_file(cache: Path, variant: str, name: str, view: int) -> Path:
    """Name the cache file of one set's grids."""
    return cache / f"grid-{variant}-{name}-{view}.npy"


@torch.inference_mode()
def extract(source: Path, cache: Path, variant: str, views: range, sets=SETS) -> None:
    """Write the missing grid files."""
    folder = unpack(source, cache)
    tower = build_tower(variant, 256).to(torch.bfloat16, memory_format=torch.channels_last)
    for view in views:
        for name in sets:
            path = grid_file(cache, variant, name, view)
            if path.exists():
                continue
            items = read_set(folder, name)
            rng = np.random.default_rng([view, SETS.index(name)])
            grids = []
            for start in range(0, len(items), BATCH):
                images = [
                    random_view(item.path, rng) if view else open_square(item.path)
                    for item in items[start : start + BATCH]
                ]
                pixels = torch.from_numpy(np.stack([to_pixels(image) for image in images]))
                hidden = tower.embeddings(
                    pixels.to(torch.bfloat16, memory_format=torch.channels_last)
                )
                for block in tower.encoder.blocks[:-1]:
                    hidden = block(hidden)
                grids.append(hidden.permute(0, 2, 3, 1).to(torch.float16).numpy())
            partial = path.with_suffix(".part.npy")
            np.save(partial, np.concatenate(grids))
            partial.rename(path)
            print(f"{path.name}: {len(items)} pictures", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    extract(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], range(int(sys.argv[4])))
