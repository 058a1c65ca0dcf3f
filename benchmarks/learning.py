"""What adapters gain from simulated feedback, on pictures that the checkpoint never saw.

Feedback and test pictures come from the fifth of each set that `training/` held out: whoever
simulates feedback with pictures that a checkpoint was trained on measures its memory. Everything is
drawn several times; the intervals are bootstrapped over test pictures.
"""

import argparse
import csv
import hashlib
import io
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from benchmarks.machine import machine
from benchmarks.report import Report, Table, publish
from imgcap.inference import Engine, open_engine
from imgcap.labels import DEFAULT_TEMPLATES, ENSEMBLE_TEMPLATES
from imgcap.learning.adapters import Kind, fit, logits
from imgcap.learning.examples import Examples, Vocabulary
from imgcap.learning.gather import label_embeddings, logit_scale
from imgcap.learning.intervals import gain_of

KINDS: Final[tuple[Kind, ...]] = ("probe", "cache")
_HELD_OUT: Final = 5
_BATCH: Final = 8
_SYLLABLES: Final = (("bla", "kro", "zi", "mu", "fe"), ("lo", "ta", "ni", "ru"), ("rk", "pt", "ve"))


@dataclass(frozen=True)
class Row:
    """One line of the table; accuracies are means over draws, the gain is in accuracy."""

    task: str
    corrections: int
    labels: int
    tested: int
    baseline: float
    kind: Kind
    accuracy: float
    gain: float
    low: float
    high: float


def main() -> None:
    """Measure, print the table and write a JSON file."""
    arguments = _parser().parse_args()
    machine()
    rows: list[Row] = []
    with closing(open_engine()) as engine:
        for name in arguments.sets:
            examples, labels = _read(arguments.data / f"{name}.tar", engine)
            rows += _measured(name, examples, labels, engine, arguments)
            rows += _measured(
                f"{name}, invented names", examples, _invented(labels), engine, arguments
            )
    about = (
        "The embedded classifier; feedback is simulated with pictures that it never saw, and drawn "
        f"{arguments.draws} times."
    )
    figures = {"draws": arguments.draws, "rows": [asdict(row) for row in rows]}
    report = Report("What adapters gain from feedback", [about], [_table(rows)], figures)
    publish(report, arguments.json)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.learning", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the sets, each a .tar with labels.csv")
    parser.add_argument("--sets", nargs="+", default=["sports100", "caltech101", "scenes6"])
    parser.add_argument("--corrections", nargs="+", type=int, default=[1, 2, 4, 8, 16])
    parser.add_argument("--draws", type=int, default=5, help="how often feedback is drawn")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/learning.json"))
    return parser


def _read(path: Path, engine: Engine) -> tuple[Examples, tuple[str, ...]]:
    """Embed the held-out pictures of a set."""
    name = path.stem
    vectors, said = [], []
    batch: list[Image.Image] = []
    with tarfile.open(path) as archive:
        table = archive.extractfile(f"{name}/labels.csv")
        if table is None:
            raise FileNotFoundError(f"{path} has no {name}/labels.csv.")
        rows = list(csv.DictReader(io.TextIOWrapper(table, "utf-8")))
        held = [row for row in rows if _held_out(f"{name}/{row['file_name']}")]
        for row in held:
            file = archive.extractfile(f"{name}/{row['file_name']}")
            batch.append(Image.open(file).convert("RGB"))
            said.append(row["label"])
            if len(batch) == _BATCH or row is held[-1]:
                vectors.append(engine.embed(batch))
                batch = []
    labels = tuple(sorted({row["label"] for row in rows}))
    count = len(said)
    examples = Examples(
        np.concatenate(vectors),
        np.array([labels.index(label) for label in said]),
        np.ones((count, len(labels)), bool),
        np.ones(count, bool),
        np.arange(count),
        np.zeros(count, np.int64),
        np.arange(count).astype(object),
    )
    return examples, tuple(label.replace("_", " ") for label in labels)


def _held_out(name: str) -> bool:
    """Tell whether `training/pictures.py` kept a picture out of training."""
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % _HELD_OUT == 0


def _invented(labels: Sequence[str]) -> tuple[str, ...]:
    """Return as many names that mean nothing."""
    names = ["".join(parts) for parts in product(*_SYLLABLES)]
    return tuple(f"{names[n % len(names)]}{'en' * (n // len(names))}" for n in range(len(labels)))


def _measured(
    task: str,
    examples: Examples,
    labels: tuple[str, ...],
    engine: Engine,
    arguments: argparse.Namespace,
) -> Iterator[Row]:
    vocabulary = Vocabulary(
        labels,
        label_embeddings(engine, labels, DEFAULT_TEMPLATES),
        label_embeddings(engine, labels, ENSEMBLE_TEMPLATES),
        logit_scale(engine)[0],
    )
    ways = vocabulary, vocabulary.with_ensemble()
    hits = [logits(examples, way).argmax(1) == examples.right for way in ways]
    baseline = max(hits, key=lambda each: float(each.mean()))
    counts = np.bincount(examples.right, minlength=len(labels))
    for number in arguments.corrections:
        taught = np.flatnonzero(counts > number)
        if len(taught) * 2 < len(labels):
            continue  # the held-out part has too few pictures a label
        for kind in KINDS:
            yield _row(task, number, kind, examples, vocabulary, taught, baseline, arguments.draws)


def _row(  # noqa: PLR0913, PLR0917  # what one line depends on
    task: str,
    number: int,
    kind: Kind,
    examples: Examples,
    vocabulary: Vocabulary,
    taught: np.ndarray,
    baseline: np.ndarray,
    draws: int,
) -> Row:
    before, after, pictures = [], [], []
    for seed in range(draws):
        order = np.random.default_rng(seed).permutation(len(examples))
        chosen = np.concatenate(
            [order[examples.right[order] == label][:number] for label in taught]
        )
        rest = np.setdiff1d(order, chosen)
        weights = fit(kind, examples.only(chosen), vocabulary)
        tested = examples.only(rest)
        after.append(logits(tested, vocabulary, weights).argmax(1) == tested.right)
        before.append(baseline[rest])
        pictures.append(rest)
    was, now = np.concatenate(before), np.concatenate(after)
    gain = gain_of(np.concatenate(pictures), now.astype(float) - was)
    return Row(
        task,
        number,
        len(taught),
        len(was) // draws,
        float(was.mean()),
        kind,
        float(now.mean()),
        gain.mean,
        gain.low,
        gain.high,
    )


def _table(rows: Sequence[Row]) -> Table:
    columns = ("task", "corrections a label", "labels taught", "tested")
    columns += ("best zero-shot", "adapter", "accuracy", "gain in points (95 %)")
    return Table(
        "",
        columns,
        [
            (
                *(row.task, row.corrections, row.labels, row.tested),
                *(f"{100 * row.baseline:.1f} %", row.kind, f"{100 * row.accuracy:.1f} %"),
                f"{100 * row.gain:+.1f} ({100 * row.low:+.1f} to {100 * row.high:+.1f})",
            )
            for row in rows
        ],
    )


if __name__ == "__main__":
    main()
