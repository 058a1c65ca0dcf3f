"""What adapters gain from simulated feedback, on pictures that the checkpoint never saw.

Test pictures come from the fifth of each set that `training/` held out: whoever measures with
pictures that a checkpoint was trained on measures its memory. So does feedback, as long as that has
enough pictures of four labels in five; else it comes from what the checkpoint was trained on, and
the row is marked. Everything is drawn several times; intervals are bootstrapped over test pictures.
"""

import argparse
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Final

import numpy as np

from benchmarks.learning_common import parser, points
from benchmarks.learning_pictures import Pictures, read_pictures
from benchmarks.machine import machine
from benchmarks.report import Report, Table, publish
from imgcap.inference import Engine, open_engine
from imgcap.labels import DEFAULT_TEMPLATES, ENSEMBLE_TEMPLATES
from imgcap.learning.intervals import gain_of
from imgcap.learning.labels.adapters import Kind, fit, logits
from imgcap.learning.labels.examples import Vocabulary
from imgcap.learning.labels.gather import label_embeddings, logit_scale

KINDS: Final[tuple[Kind, ...]] = ("probe", "cache")
TRAINED: Final = "†"
_MOST_LABELS: Final = 0.8
_SYLLABLES: Final = (("bla", "kro", "zi", "mu", "fe"), ("lo", "ta", "ni", "ru"), ("rk", "pt", "ve"))


@dataclass(frozen=True)
class Row:
    """One line of the table; accuracies are means over draws, the gain is in accuracy.

    `trained` tells that feedback came from pictures that the checkpoint was trained on.
    """

    task: str
    corrections: int
    trained: bool
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
    arguments = _options().parse_args()
    machine()
    rows: list[Row] = []
    with closing(open_engine()) as engine:
        for name in arguments.sets:
            pictures = read_pictures(arguments.data / f"{name}.tar", engine, arguments.cache)
            names = {name: pictures.labels, f"{name}, invented names": invented(pictures.labels)}
            for task, labels in names.items():
                vocabulary = _vocabulary(labels, engine)
                rows += _measured(task, pictures, vocabulary, arguments)
    about = (
        "The embedded classifier, on pictures that it never saw; feedback is simulated, and drawn "
        f"{arguments.draws} times. {TRAINED}: feedback on pictures that it was trained on, as too "
        "few were held out."
    )
    figures = {"draws": arguments.draws, "rows": [asdict(row) for row in rows]}
    report = Report("What adapters gain from feedback", [about], [_table(rows)], figures)
    publish(report, arguments.json)


def _options() -> argparse.ArgumentParser:
    options = parser("learning", __doc__, draws=5)
    options.add_argument("--sets", nargs="+", default=["sports100", "caltech101", "scenes6"])
    options.add_argument("--corrections", nargs="+", type=int, default=[1, 2, 4, 8, 16])
    options.add_argument("--cache", type=Path, help="folder to keep embeddings in")
    return options


def invented(labels: Sequence[str]) -> tuple[str, ...]:
    """Return as many names that mean nothing."""
    names = ["".join(parts) for parts in product(*_SYLLABLES)]
    return tuple(f"{names[n % len(names)]}{'en' * (n // len(names))}" for n in range(len(labels)))


def _vocabulary(labels: tuple[str, ...], engine: Engine) -> Vocabulary:
    return Vocabulary(
        labels,
        label_embeddings(engine, labels, DEFAULT_TEMPLATES),
        label_embeddings(engine, labels, ENSEMBLE_TEMPLATES),
        logit_scale(engine)[0],
    )


def _measured(
    task: str, pictures: Pictures, vocabulary: Vocabulary, arguments: argparse.Namespace
) -> Iterator[Row]:
    examples = pictures.examples()
    ways = vocabulary, vocabulary.with_ensemble()
    hits = [logits(examples, way).argmax(1) == examples.right for way in ways]
    baseline = max(hits, key=lambda each: float(each[pictures.held].mean()))
    for number, kind in product(arguments.corrections, KINDS):
        yield _row(task, number, kind, pictures, vocabulary, baseline, arguments.draws)


def _row(  # noqa: PLR0913, PLR0917  # what one line depends on
    task: str,
    number: int,
    kind: Kind,
    pictures: Pictures,
    vocabulary: Vocabulary,
    baseline: np.ndarray,
    draws: int,
) -> Row:
    examples, count = pictures.examples(), len(vocabulary.labels)
    taught = np.flatnonzero(np.bincount(pictures.right[pictures.held], minlength=count) > number)
    trained = len(taught) < _MOST_LABELS * count
    source = np.flatnonzero(~pictures.held if trained else pictures.held)
    if trained:
        taught = np.unique(pictures.right[source])
    before, after, tested = [], [], []
    for seed in range(draws):
        order = np.random.default_rng(seed).permutation(source)
        chosen = np.concatenate(
            [order[pictures.right[order] == label][:number] for label in taught]
        )
        weights = fit(kind, examples.only(chosen), vocabulary)
        rest = np.setdiff1d(np.flatnonzero(pictures.held), chosen)
        shown = examples.only(rest)
        after.append(logits(shown, vocabulary, weights).argmax(1) == shown.right)
        before.append(baseline[rest])
        tested.append(rest)
    was, now = np.concatenate(before), np.concatenate(after)
    gain = gain_of(np.concatenate(tested), now.astype(float) - was)
    return Row(
        task,
        number,
        trained,
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
    columns = ("labels", "corrections a label", "tested", "best zero-shot")
    columns += tuple(title for kind in KINDS for title in (kind, "gain, points (95 %)"))
    lines = []
    for start in range(0, len(rows), len(KINDS)):
        same = rows[start : start + len(KINDS)]
        first = same[0]
        lines.append(
            (
                *(first.task, f"{first.corrections}{TRAINED if first.trained else ''}"),
                *(first.tested, f"{100 * first.baseline:.1f} %"),
                *(cell for row in same for cell in _cells(row)),
            )
        )
    return Table("", columns, lines)


def _cells(row: Row) -> tuple[str, str]:
    return f"{100 * row.accuracy:.1f} %", points(row.gain, row.low, row.high)


if __name__ == "__main__":
    main()
