"""Whether the maps of relevance are right, by curves and by pointing, not by eye.

Deletion and insertion curves of the label that is explained and of the captioner's own longest
word, against maps that know nothing of the picture; and the pointing game (Zhang et al. 2016,
arXiv:1608.00507) on two pictures side by side: how often the peak of the map of one's label, or of
its word in a caption, lies in that one's half, where chance is 0.5. The labels are in a labels.csv
(file_name, label) beside the pictures; without one the pictures are named by what they show, as
the samples are. With --held-out only those pictures of a training set are taken that the embedded
models were not trained on.
"""

import argparse
import csv
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.curves import Map, areas, rivals
from benchmarks.machine import machine
from benchmarks.report import Report, Table, publish
from benchmarks.word_scores import word_score
from imgcap.inference import Engine, EngineError, open_engine
from imgcap.inference.loading import Loader
from imgcap.inference.relevance import Box, lay_over
from imgcap.labels import LabelError
from imgcap.settings import Settings
from training.pictures import read_set

SIDE = 224
"""Longest side in pixels of the pictures that are changed, which is what most models see."""


TABLES = ("label", "word", "pointing")

Areas = dict[str, NDArray[np.float64]]
"""By kind of map, the areas under the curves: `(n_pictures, 2)`, deletion and insertion."""


@dataclass(frozen=True)
class Shown:
    """A picture and the label that it is explained for."""

    image: Image.Image
    label: str


def main() -> int:
    """Measure, print the tables that were asked for, and return the exit status."""
    arguments = _parser().parse_args()
    machine()
    settings = Settings()
    engine, tables = open_engine(settings), []
    try:
        shown, labels = read(arguments.pictures, arguments.count, held_out=arguments.held_out)
        if "label" in arguments.tables:
            found = curves(engine, shown, labels, arguments.rivals)
            tables.append(curve_table("Why this label", found))
        if "pointing" in arguments.tables:
            tables.append(pointing_table(engine, shown, labels))
        if "word" in arguments.tables:
            found = word_curves(engine, settings, shown, arguments.rivals)
            tables.append(curve_table("Why this word", found))
    except (EngineError, LabelError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    about = (
        f"{len(shown)} pictures with the embedded pair. Deletion and insertion curves against maps "
        "that know nothing of the picture; the pointing game takes pictures side by side."
    )
    figures = {table.heading: [list(map(str, row)) for row in table.rows] for table in tables}
    publish(Report("Maps of relevance", [about], tables, figures), arguments.json)
    return 0


def read(
    folder: Path, count: int | None = None, *, held_out: bool = False
) -> tuple[list[Shown], list[str]]:
    """Return at most `count` pictures, spread evenly over a folder, and all labels there are."""
    if held_out:
        items = read_set(folder.parent, folder.name)
        rows = [(item.path, item.label) for item in items if item.part == "dev"]
    elif (folder / "labels.csv").exists():
        with (folder / "labels.csv").open(encoding="utf8", newline="") as file:
            rows = [(folder / row["file_name"], row["label"]) for row in csv.DictReader(file)]
    else:
        files = sorted(path for path in folder.glob("*") if path.suffix in {".jpg", ".png"})
        rows = [(path, path.stem) for path in files]
    if not rows:
        raise EngineError(f"There are no pictures in {folder}.")
    rows = [(path, label.replace("_", " ")) for path, label in rows]
    count = min(count or len(rows), len(rows))
    chosen = [rows[n * len(rows) // count] for n in range(count)]
    shown = [Shown(_open(path), label) for path, label in chosen]
    return shown, list(dict.fromkeys(label for _, label in rows))


def curves(
    engine: Engine, shown: Sequence[Shown], labels: Sequence[str], rivals_each: int = 3
) -> Areas:
    """Return the areas under the curves of each picture's label.

    Of each kind of random map there are `rivals_each` a picture, of which the mean is taken.
    """
    found = []
    for seed, one in enumerate(shown):
        relevance = engine.explain_label(one.image, one.label, labels)

        def score(images: Sequence[Image.Image], label: str = one.label) -> list[float]:
            answers = engine.classify(images, labels)
            return [
                next(p.score for p in answer.predictions if p.label == label) for answer in answers
            ]

        maps = {"explained": relevance.map, **rivals(relevance.map.shape, seed, rivals_each)}
        found.append(areas(one.image, maps, score, relevance.box))
    return _by_kind(found)


def word_curves(
    engine: Engine, settings: Settings, shown: Sequence[Shown], rivals_each: int = 3
) -> Areas:
    """Return the areas under the curves of the longest word of each picture's own caption.

    What falls and rises is the probability of the word after those before it.
    """
    loaded = Loader("captioner", settings, lambda _: None).get()
    found = []
    for seed, one in enumerate(shown):
        caption = engine.caption([one.image])[0].best.text
        relevance = engine.explain_caption(one.image, caption)
        word = max(range(len(relevance.words)), key=lambda n: len(relevance.words[n]))
        grid = relevance.maps[word]
        maps = {"explained": grid, **rivals(grid.shape, seed, rivals_each)}
        score = word_score(loaded, relevance.words, word)
        found.append(areas(one.image, maps, score, relevance.box))
    return _by_kind(found)


def pointing(
    engine: Engine, shown: Sequence[Shown], labels: Sequence[str], neighbours: int = 1
) -> dict[str, float]:
    """Return how often the peak of a map lies in the right half of two pictures side by side.

    For labels and for words of captions that name both, in either order. Each picture stands
    beside the `neighbours` that follow it, on either side; the first follows the last.
    """
    hits: dict[str, list[bool]] = {"label": [], "word": []}
    count = len(shown)
    followed = [(n, (n + far) % count) for far in range(1, neighbours + 1) for n in range(count)]
    for one_side, other_side in {*followed, *((other, one) for one, other in followed)}:
        left, right = shown[one_side], shown[other_side]
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


def curve_table(title: str, found: Areas) -> Table:
    """Return the mean areas under the curves, and how often the explanation's are better."""
    explained = found["explained"]
    rows = []
    for name, each in found.items():
        means = [f"{mean:.3f}" for mean in each.mean(0)]
        better = [(explained < each)[:, 0].mean(), (explained > each)[:, 1].mean()]
        wins = "" if name == "explained" else " / ".join(f"{share:.0%}" for share in better)
        rows.append((name, *means, wins))
    columns = ("map", "deletion (small is good)", "insertion (large is good)")
    heading = f"{title}: areas under the curves, {len(explained)} pictures"
    return Table(heading, (*columns, "explained is better"), rows)


def pointing_table(engine: Engine, shown: Sequence[Shown], labels: Sequence[str]) -> Table:
    """Return the pointing game's result as a table."""
    rows = [(name, f"{rate:.3f}") for name, rate in pointing(engine, shown, labels).items()]
    heading = f"Pointing game on pairs of {len(shown)} pictures, chance 0.5"
    return Table(heading, ("map of a", "peak in the right half"), rows)


def _by_kind(found: Sequence[dict[str, tuple[float, float]]]) -> Areas:
    """Put what each picture's maps got below each other, equal kinds of rivals as their mean."""
    kinds: dict[str, list[str]] = {}
    for name in found[0]:
        kinds.setdefault(name.rstrip(" 0123456789"), []).append(name)
    return {
        kind: np.array([np.mean([each[name] for name in names], axis=0) for each in found])
        for kind, names in kinds.items()
    }


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
    parser.add_argument("--held-out", action="store_true", help="only what was not trained on")
    parser.add_argument("--count", type=int, default=4, help="pictures, at most")
    parser.add_argument("--rivals", type=int, default=1, help="random maps of each kind a picture")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=TABLES, help="default: all")
    parser.add_argument("--json", type=Path, help="where to write all figures")
    return parser


if __name__ == "__main__":
    sys.exit(main())
