"""Run the frozen tower over every picture once and keep two of its grids, in float16.

The grid before the head is (7, 7, channels); the one before the sixth stage, from which the
classifier's upper stages are fine-tuned, is (14, 14, channels).
"""

import sys
from pathlib import Path

import numpy as np
import torch
from pictures import SETS, open_square, read_set, to_pixels, unpack
from tower import build_tower
from transformers import AlignVisionModel

BATCH = 64


def grid_file(cache: Path, variant: str, name: str, size: int = 7) -> Path:
    """Name the cache file of one set's grids of `size` by `size` cells."""
    return cache / f"grid{size}-{variant}-{name}.npy"


def upper_blocks(tower: AlignVisionModel) -> int:
    """Return the number of the first block of the sixth stage."""
    return sum(tower.config.num_block_repeats[:5])


@torch.inference_mode()
def extract(source: Path, cache: Path, variant: str) -> None:
    """Write the missing grid files."""
    folder = unpack(source, cache)
    tower = build_tower(variant, 256).to(torch.bfloat16, memory_format=torch.channels_last)
    middle, last = upper_blocks(tower), len(tower.encoder.blocks) - 1
    for name in SETS:
        paths = {middle: grid_file(cache, variant, name, 14), last: grid_file(cache, variant, name)}
        if all(path.exists() for path in paths.values()):
            continue
        items, grids = read_set(folder, name), {middle: [], last: []}
        for start in range(0, len(items), BATCH):
            images = [open_square(item.path) for item in items[start : start + BATCH]]
            pixels = torch.from_numpy(np.stack([to_pixels(image) for image in images]))
            hidden = tower.embeddings(pixels.to(torch.bfloat16, memory_format=torch.channels_last))
            for i, block in enumerate(tower.encoder.blocks):
                if i in grids:
                    grids[i].append(hidden.permute(0, 2, 3, 1).to(torch.float16).numpy())
                hidden = block(hidden) if i < last else hidden
        for i, path in paths.items():
            partial = path.with_suffix(".part.npy")
            np.save(partial, np.concatenate(grids[i]))
            partial.rename(path)
        print(f"{name}: {len(items)} pictures", flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    extract(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
