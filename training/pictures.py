"""The training pictures: where they are, what they are called, which part each belongs to."""

import csv
import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

IMAGE_SIZE = 224
LABELLED = ("imagenet1k-one-each", "sports100", "actions15", "scenes6", "caltech101")
SETS = ("flickr8k", *LABELLED)
DEV_FIFTHS = 1


@dataclass(frozen=True)
class Item:
    """One picture: its set, file, part (`train` or `dev`), class name and captions."""

    name: str
    path: Path
    part: str
    label: str = ""
    captions: tuple[str, ...] = ()


def unpack(source: Path, cache: Path) -> Path:
    """Unpack the archives of `source` below `cache` once; return the folder."""
    folder = cache / "pictures"
    for name in SETS:
        if not (folder / name).exists():
            with tarfile.open(source / f"{name}.tar") as archive:
                archive.extractall(folder, filter="data")
    return folder


def held_out(name: str) -> bool:
    """Tell whether a labelled picture is in the dev part: a fifth, fixed by the name's hash."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % 5 < DEV_FIFTHS


def read_set(folder: Path, name: str) -> list[Item]:
    """List a set's pictures in file order."""
    root = folder / name
    if name == "flickr8k":
        grouped: dict[tuple[str, str], list[str]] = {}
        with (root / "captions.csv").open(newline="") as file:
            for row in csv.DictReader(file):
                grouped.setdefault((row["file_name"], row["split"]), []).append(row["caption"])
        return [
            Item(name, root / file, part, captions=tuple(captions))
            for (file, part), captions in grouped.items()
        ]
    with (root / "labels.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    keep_all = name == "imagenet1k-one-each"  # one picture a class: a check against forgetting
    return [
        Item(
            name,
            root / row["file_name"],
            "dev" if not keep_all and held_out(f"{name}/{row['file_name']}") else "train",
            label=row["label"],
        )
        for row in rows
    ]


def open_square(path: Path) -> Image.Image:
    """Open a picture and squash it to the towers' square, as the shipped processors do."""
    with Image.open(path) as image:
        return image.convert("RGB").resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC)


def to_pixels(image: Image.Image) -> np.ndarray:
    """Scale to [-1, 1] as EfficientNet-Lite expects: (3, size, size) float32."""
    return (np.asarray(image, np.float32).transpose(2, 0, 1) - 127.0) / 128.0
