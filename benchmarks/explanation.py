"""Whether the maps of relevance are right, by curves and by pointing, not by eye.

Deletion and insertion curves of the label that is explained, against maps that know nothing of the
picture; and the pointing game (Zhang et al. 2016, arXiv:1608.00507) on two pictures side by side:
how often the peak of the map of one's label, or of its word in a caption, lies in that one's half,
where chance is 0.5. The labels are in a labels.csv (file_name, label) beside the pictures; without
one the pictures are named by what they show, as the samples are.
"""

import argparse
import csv
import itertools
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from benchmarks.curves import Map, areas, rivals
from imgcap.inference import Engine, EngineError, open_engine
from imgcap.inference.relevance import Box, lay_over
from imgcap.labels import LabelError
from imgcap.settings import Settings

SIDE = 224
"""Longest side in pixels of the pictures that are changed, which is what most models see."""


@dataclass(frozen=True)
class Shown:
    """A picture and the label that it is explained for."""

    image: Image.Image
    label: str


def main() -> int:
    """Measure and print two tables; return the exit status."""
    arguments = _parser().parse_args()
    engine = open_engine(Settings())
    try:
        shown, labels = read(arguments.pictures, arguments.count)
        console = Console(width=100)
        console.print(curve_table(engine, shown, labels))
        console.print(pointing_table(engine, shown[: arguments.montage], labels))
    except (EngineError, LabelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def read(folder: Path, count: int) -> tuple[list[Shown], list[str]]:
    """Return at most `count` pictures, spread evenly over a folder, and all labels there are."""
    listed = folder / "labels.csv"
    if listed.exists():
        with listed.open(encoding="utf8", newline="") as file:
            rows = [(row["file_name"], row["label"]) for row in csv.DictReader(file)]
    else:
        files = sorted(path for path in folder.glob("*") if path.suffix in {".jpg", ".png"})
        rows = [(path.name, path.stem) for path in files]
    if not rows:
        raise EngineError(f"There are no pictures in {folder}.")
    rows = [(name, label.replace("_", " ")) for name, label in rows]
    count = min(count, len(rows))
    chosen = [rows[n * len(rows) // count] for n in range(count)]
    shown = [Shown(_open(folder / name), label) for name, label in chosen]
    return shown, list(dict.fromkeys(label for _, label in rows))


def curves(
    engine: Engine, shown: Sequence[Shown], labels: Sequence[str], rivals_each: int = 3
) -> dict[str, tuple[float, float]]:
    """Return the mean areas under the deletion and the insertion curve by kind of map.

    Of each kind of random map there are `rivals_each` a picture.
    """
    found: dict[str, list[tuple[float, float]]] = {}
    for seed, one in enumerate(shown):
        relevance = engine.explain_label(one.image, one.label, labels)

        def score(images: Sequence[Image.Image], label: str = one.label) -> list[float]:
            answers = engine.classify(images, labels)
            return [
                next(p.score for p in answer.predictions if p.label == label) for answer in answers
            ]

        maps = {"explained": relevance.map, **rivals(relevance.map.shape, seed, rivals_each)}
        for name, pair in areas(one.image, maps, score, relevance.box).items():
            found.setdefault(name.rstrip(" 0123456789"), []).append(pair)
    return {name: tuple(np.mean(pairs, 0).tolist()) for name, pairs in found.items()}


def pointing(engine: Engine, shown: Sequence[Shown], labels: Sequence[str]) -> dict[str, float]:
    """Return how often the peak of a map lies in the right half of two pictures side by side.

    For labels and for words of captions that name both, in either order.
    """
    hits: dict[str, list[bool]] = {"label": [], "word": []}
    for left, right in itertools.permutations(shown, 2):
        if left.label == right.label:
            continue
        montage = Image.new("RGB", (2 * SIDE, 2 * SIDE))
        for at, one in ((0, left), (SIDE, right)):
            montage.paste(one.image.resize((SIDE, 2 * SIDE)), (at, 0))
        for one in (left, right):
            relevance = engine.explain_label(montage, one.label, labels)
            hits["label"].append(_peaks_left(relevance.map, relevance.box) == (one is left))
        for first, second in ((left, right), (right, left)):
            caption = f"a {first.label} and a {second.label}"
            words = engine.explain_caption(montage, caption)
            cut = 1 + len(first.label.split())
            for one, part in ((first, words.maps[1:cut]), (second, words.maps[cut + 2 :])):
                hits["word"].append(_peaks_left(part.sum(0), words.box) == (one is left))
    return {name: float(np.mean(found)) for name, found in hits.items()}


def curve_table(engine: Engine, shown: Sequence[Shown], labels: Sequence[str]) -> Table:
    """Return the areas under the curves as a table."""
    table = Table(title=f"Why this label: areas under the curves, {len(shown)} pictures")
    for column in ("map", "deletion (small is good)", "insertion (large is good)"):
        table.add_column(column, justify="left" if column == "map" else "right")
    for name, (deletion, insertion) in curves(engine, shown, labels).items():
        table.add_row(name, f"{deletion:.3f}", f"{insertion:.3f}")
    return table


def pointing_table(engine: Engine, shown: Sequence[Shown], labels: Sequence[str]) -> Table:
    """Return the pointing game's result as a table."""
    table = Table(title=f"Pointing game on pairs of {len(shown)} pictures, chance 0.5")
    table.add_column("map of a")
    table.add_column("peak in the right half", justify="right")
    for name, rate in pointing(engine, shown, labels).items():
        table.add_row(name, f"{rate:.3f}")
    return table


def _peaks_left(grid: Map, box: Box) -> bool:
    laid = lay_over(np.ascontiguousarray(grid), box, 2 * SIDE, 2 * SIDE)
    return int(laid.argmax()) % laid.shape[1] < SIDE


def _open(path: Path) -> Image.Image:
    with Image.open(path) as image:
        small = image.convert("RGB")
    small.thumbnail((SIDE, SIDE))
    return small


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.explanation", description=__doc__)
    parser.add_argument("--pictures", type=Path, default=Path("data/samples"))
    parser.add_argument("--count", type=int, default=50, help="pictures for the curves, at most")
    parser.add_argument("--montage", type=int, default=8, help="pictures for the pointing game")
    return parser


if __name__ == "__main__":
    sys.exit(main())
