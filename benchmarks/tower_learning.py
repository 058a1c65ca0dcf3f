"""What teaching the picture tower gains beyond a probe, and how long it takes.

Feedback and test pictures come from the fifth of a set that `training/` held out. Every draw
teaches the tower several times, once a held-out fold, as `imgcap learn fit --method lora` does.
With `--share` below 1 only some labels are ever corrected; the others are measured apart.
"""

import argparse
import copy
import csv
import io
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from benchmarks.learning import invented
from benchmarks.learning_pictures import held_out
from benchmarks.machine import machine
from benchmarks.report import Report, Table, publish
from imgcap.inference import open_engine
from imgcap.inference.label_weights import Floats, Weights
from imgcap.inference.lora import with_adapter
from imgcap.inference.pixels import prepare
from imgcap.labels import DEFAULT_TEMPLATES, ENSEMBLE_TEMPLATES
from imgcap.learning.groups import FOLDS
from imgcap.learning.intervals import Gain, gain_of
from imgcap.learning.labels.adapters import fit, logits
from imgcap.learning.labels.examples import Examples, Vocabulary
from imgcap.learning.labels.gather import label_embeddings, logit_scale
from imgcap.learning.tower.fitting import fit_tower
from imgcap.learning.tower.opening import load_tower
from imgcap.learning.tower.tail import Tail
from imgcap.settings import Settings

if TYPE_CHECKING:
    from transformers import PreTrainedModel, ProcessorMixin


@dataclass(frozen=True)
class Part:
    """Pictures of some labels: accuracies are means over draws, gains are the tower's."""

    tested: int
    zero_shot: float
    probe: float
    tower: float
    over_zero_shot: Gain
    over_probe: Gain


@dataclass(frozen=True)
class Row:
    """What was measured of one number of corrections; `untouched` are labels outside the share."""

    task: str
    labels: int
    corrected: int
    corrections: int
    everything: Part
    untouched: Part | None
    rounds: str
    minutes: float


def main() -> None:
    """Measure, print the table and write a JSON file."""
    arguments = _parser().parse_args()
    machine()
    loaded = load_tower(Settings())
    images, labels, right = _read(arguments.data / f"{arguments.set}.tar")
    vectors = embed(loaded.model, loaded.processor, images)
    rows = []
    part = _part_of(len(labels), arguments.share)
    with closing(open_engine()) as engine:
        scale = logit_scale(engine)[0]
        said = zip(labels, invented(labels), part, strict=True)
        mixed = tuple(other if drawn else own for own, other, drawn in said)
        names = {arguments.set: labels, f"{arguments.set}, invented names": mixed}
        words = {
            task: Vocabulary(
                said,
                label_embeddings(engine, said, DEFAULT_TEMPLATES),
                label_embeddings(engine, said, ENSEMBLE_TEMPLATES),
                scale,
            )
            for task, said in names.items()
        }
    for task, vocabulary in words.items():
        examples = _examples(vectors, right, len(labels))
        for number in arguments.corrections:
            bench = _Bench(loaded.model, loaded.processor, images, examples, vocabulary, part)
            rows.append(bench.row(task, number, arguments.draws))
    about = f"The embedded classifier, on pictures that it never saw; {arguments.draws} draws."
    if not part.all():
        about += (
            f" Feedback on {part.sum()} of {len(part)} labels, drawn once; only theirs are the "
        )
        about += "invented names."
    figures = {
        "draws": arguments.draws,
        "share": arguments.share,
        "rows": [asdict(row) for row in rows],
    }
    report = Report("What teaching the picture tower gains", [about], [*_tables(rows)], figures)
    publish(report, arguments.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.tower_learning")
    parser.add_argument("data", type=Path, help="folder of the sets, each a .tar with labels.csv")
    parser.add_argument("--set", default="scenes6")
    parser.add_argument("--corrections", nargs="+", type=int, default=[4, 16])
    parser.add_argument("--draws", type=int, default=2, help="how often feedback is drawn")
    parser.add_argument("--share", type=float, default=1.0, help="of labels that are corrected")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/tower_learning.json"))
    return parser


def _part_of(labels: int, share: float) -> np.ndarray:
    """Draw the labels that may be corrected, always the same ones."""
    drawn = np.random.default_rng(0).permutation(labels)[: round(share * labels)]
    return np.isin(np.arange(labels), drawn)


def _read(path: Path) -> tuple[list[Image.Image], tuple[str, ...], np.ndarray]:
    """Return the pictures that were held out, all labels, and which label is right for each."""
    name = path.stem
    with tarfile.open(path) as archive:
        table = archive.extractfile(f"{name}/labels.csv")
        if table is None:
            raise FileNotFoundError(f"{path} has no {name}/labels.csv.")
        rows = list(csv.DictReader(io.TextIOWrapper(table, "utf-8")))
        labels = sorted({row["label"] for row in rows})
        held = [row for row in rows if held_out(f"{name}/{row['file_name']}")]
        files = [archive.extractfile(f"{name}/{row['file_name']}") for row in held]
        images = [Image.open(file).convert("RGB") for file in files if file]
    right = np.array([labels.index(row["label"]) for row in held])
    return images, tuple(label.replace("_", " ") for label in labels), right


def embed(
    model: "PreTrainedModel", processor: "ProcessorMixin", images: Sequence[Image.Image]
) -> Floats:
    """Return `(n, dim) float32` unit vectors."""
    tail = Tail(model)
    rows = [tail.see(prepare(processor, [image])).embeddings.numpy() for image in images]
    return np.concatenate(rows)


def _examples(vectors: Floats, right: np.ndarray, labels: int) -> Examples:
    count = len(right)
    return Examples(
        vectors,
        right,
        np.ones((count, labels), bool),
        np.ones(count, bool),
        np.arange(count),
        np.random.default_rng(0).integers(0, FOLDS, count),
        np.arange(count).astype(object),
    )


@dataclass(frozen=True)
class _Bench:
    """All that a draw of feedback is taken from; `part` marks labels that may be corrected."""

    model: "PreTrainedModel"
    processor: "ProcessorMixin"
    images: list[Image.Image]
    examples: Examples
    vocabulary: Vocabulary
    part: np.ndarray

    def row(self, task: str, number: int, draws: int) -> Row:
        """Draw feedback, teach and test several times."""
        right = self.examples.right
        enough = np.bincount(right, minlength=len(self.part)) > number
        taught = np.flatnonzero(enough & self.part)
        found = [self._draw(number, taught, seed) for seed in range(draws)]
        rest = np.concatenate([each[0] for each in found])
        hits = np.concatenate([each[1] for each in found], axis=1)
        untouched = ~self.part[right[rest]]
        return Row(
            task,
            len(self.part),
            len(taught),
            number,
            _part(rest, hits, draws),
            _part(rest[untouched], hits[:, untouched], draws) if untouched.any() else None,
            ", ".join(str(each[2]) for each in found),
            float(np.mean([each[3] for each in found])) / 60,
        )

    def _draw(
        self, number: int, taught: np.ndarray, seed: int
    ) -> tuple[np.ndarray, np.ndarray, int, float]:
        right = self.examples.right
        order = np.random.default_rng(seed).permutation(len(right))
        chosen = np.concatenate([order[right[order] == label][:number] for label in taught])
        rest = np.setdiff1d(order, chosen)
        learned, tested = self.examples.only(chosen), self.examples.only(rest)
        begun = time.perf_counter()
        with TemporaryDirectory() as folder:
            made = fit_tower(
                self.model,
                self.processor,
                (self.images[place] for place in chosen),
                learned,
                self.vocabulary,
                Path(folder),
            )
            seconds = time.perf_counter() - begun
            merged = with_adapter(copy.deepcopy(self.model), Path(folder))
        vectors = embed(merged, self.processor, [self.images[place] for place in rest])
        seen = replace(tested, pictures=vectors)
        probe = fit("probe", learned, self.vocabulary)
        hits = [
            self._hits(tested, None),
            self._hits(tested, probe),
            self._hits(seen, made.weights),
        ]
        return rest, np.array(hits), made.epochs, seconds

    def _hits(self, shown: Examples, weights: Weights | None) -> np.ndarray:
        found = logits(shown, self.vocabulary, weights).argmax(1)
        return (found == shown.right).astype(float)


def _part(rest: np.ndarray, hits: np.ndarray, draws: int) -> Part:
    zero_shot, probe, tower = hits
    return Part(
        len(rest) // draws,
        *(float(each.mean()) for each in hits),
        gain_of(rest, tower - zero_shot),
        gain_of(rest, tower - probe),
    )


def _tables(rows: Sequence[Row]) -> Iterator[Table]:
    yield _table("All labels", [(row, row.everything) for row in rows])
    others = [(row, row.untouched) for row in rows if row.untouched]
    if others:
        yield _table("Labels that nobody corrected", others)


def _table(title: str, lines: Sequence[tuple[Row, Part]]) -> Table:
    columns = ("task", "labels corrected", "corrections a label", "tested", "zero-shot", "probe")
    columns += ("tower and probe", "gain over zero-shot, points (95 %)", "over the probe")
    columns += ("rounds", "minutes")
    return Table(
        title,
        columns,
        [
            (
                *(row.task, f"{row.corrected} of {row.labels}", row.corrections, part.tested),
                *(f"{100 * share:.1f} %" for share in (part.zero_shot, part.probe, part.tower)),
                *(_points(gain) for gain in (part.over_zero_shot, part.over_probe)),
                *(row.rounds, f"{row.minutes:.1f}"),
            )
            for row, part in lines
        ],
    )


def _points(gain: Gain) -> str:
    return f"{100 * gain.mean:+.1f} ({100 * gain.low:+.1f} to {100 * gain.high:+.1f})"


if __name__ == "__main__":
    main()
