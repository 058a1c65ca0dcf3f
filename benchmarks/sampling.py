"""What labels teach that are asked for by `imgcap learn next`, against labels of random pictures.

One half of the pictures that the checkpoint never saw is the gallery, the other half is the test.
Labels are given ten at a time: right answers are confirmed, wrong ones corrected, and a probe
learns from that. The halves are drawn several times; all ways choose from the same galleries and
are tested on the same pictures. Chance gets several tries at each gallery, of which the mean
counts. Intervals are bootstrapped over galleries: it is the choice that is judged.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import softmax

from benchmarks.learning import invented
from benchmarks.learning_common import parser, points
from benchmarks.learning_pictures import read_pictures
from benchmarks.machine import machine
from benchmarks.report import Report, Table, publish
from imgcap.inference import Prediction, open_engine
from imgcap.labels import DEFAULT_TEMPLATES
from imgcap.learning.embeddings import Seen
from imgcap.learning.intervals import gain_of
from imgcap.learning.labels.adapters import fit, logits
from imgcap.learning.labels.examples import Examples, Vocabulary
from imgcap.learning.labels.gather import label_embeddings, logit_scale
from imgcap.learning.sampling import COUNT, Candidate, choose

Places = NDArray[np.int64]
Rule = Callable[[Examples, Vocabulary, int, np.random.Generator], Places]
"""Returns which pictures of a gallery are labelled, in order."""

CHANCE: Final = "random"
_SHARE: Final = 4
"""Of so many names one is invented, where some are."""


@dataclass(frozen=True)
class Row:
    """One line of the table; accuracies are means over draws, gains are over random pictures."""

    task: str
    labelled: int
    gallery: int
    tested: int
    zero_shot: float
    random: float
    rule: str
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
        scale, _ = logit_scale(engine)
        for name in arguments.sets:
            pictures = read_pictures(arguments.data / f"{name}.tar", engine, arguments.cache)
            examples = pictures.examples().only(pictures.held)
            for task, labels in _tasks(name, pictures.labels):
                texts = label_embeddings(engine, labels, DEFAULT_TEMPLATES)
                vocabulary = Vocabulary(labels, texts, texts, scale)
                rows += _measured(task, examples, vocabulary, arguments)
    about = (
        "The embedded classifier and the probe; labels are given with pictures that it never saw. "
        f"Gallery and test were drawn {arguments.draws} times, and of each gallery random pictures "
        f"{arguments.tries} times."
    )
    figures = {"draws": arguments.draws, "rows": [asdict(row) for row in rows]}
    report = Report("What the labels teach that were asked for", [about], [_table(rows)], figures)
    publish(report, arguments.json)


def _options() -> argparse.ArgumentParser:
    options = parser("sampling", __doc__, draws=20)
    options.add_argument("--sets", nargs="+", default=["scenes6", "caltech101", "sports100"])
    options.add_argument("--labelled", nargs="+", type=int, default=[10, 20, 40])
    options.add_argument("--tries", type=int, default=5, help="of chance, a gallery")
    options.add_argument("--cache", type=Path, help="folder to keep embeddings in")
    return options


def _tasks(name: str, labels: tuple[str, ...]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield the set's own names, some of them invented, and all."""
    new = invented(labels)
    some = set(np.random.default_rng(0).permutation(len(labels))[: max(1, len(labels) // _SHARE)])
    yield name, labels
    mixed = (new[n] if n in some else label for n, label in enumerate(labels))
    yield f"{name}, {len(some)} of {len(labels)} names invented", tuple(mixed)
    yield f"{name}, invented names", new


def _measured(
    task: str, examples: Examples, vocabulary: Vocabulary, arguments: argparse.Namespace
) -> Iterator[Row]:
    wrong = logits(examples, vocabulary).argmax(1) != examples.right
    examples = replace(examples, corrected=wrong)
    hits: dict[tuple[str, int], list[NDArray[np.float64]]] = {}
    counts = (0, *arguments.labelled)
    for seed in range(arguments.draws):
        order = np.random.default_rng(seed).permutation(len(examples))
        gallery, tested = order[: len(order) // 2], order[len(order) // 2 :]
        test = examples.only(tested)
        for name, rule in RULES.items():
            tries = arguments.tries if name == CHANCE else 1
            right = np.zeros((len(counts), len(tested)))
            for turn in range(tries):
                rng = np.random.default_rng((seed, turn))
                chosen = gallery[rule(examples.only(gallery), vocabulary, max(counts), rng)]
                right += [_hits(examples.only(chosen[:n]), test, vocabulary) for n in counts]
            for place, number in enumerate(counts):
                hits.setdefault((name, number), []).append(right[place] / tries)
    together = {key: np.concatenate(each) for key, each in hits.items()}
    draws = np.repeat(np.arange(arguments.draws), len(examples) - len(examples) // 2)
    for number in arguments.labelled:
        random = together[CHANCE, number]
        for name in [each for each in RULES if each != CHANCE]:
            now = together[name, number]
            gain = gain_of(draws, now - random)
            yield Row(
                task,
                number,
                len(examples) // 2,
                len(examples) - len(examples) // 2,
                float(together[CHANCE, 0].mean()),
                float(random.mean()),
                name,
                float(now.mean()),
                gain.mean,
                gain.low,
                gain.high,
            )


def _hits(taught: Examples, test: Examples, vocabulary: Vocabulary) -> NDArray[np.bool_]:
    weights = fit("probe", taught, vocabulary) if taught.corrected.any() else None
    right: NDArray[np.bool_] = logits(test, vocabulary, weights).argmax(1) == test.right
    return right


def _asked(
    gallery: Examples, vocabulary: Vocabulary, count: int, _rng: np.random.Generator
) -> Places:
    candidates = _candidates(gallery, vocabulary)
    chosen: list[str] = []
    while len(chosen) < min(count, len(gallery)):
        chosen += [each.candidate.id for each in choose(candidates, chosen, count=COUNT)]
    return np.array(chosen, np.int64)


def _unsure(
    gallery: Examples, vocabulary: Vocabulary, count: int, _rng: np.random.Generator
) -> Places:
    margins = [each.margin for each in _candidates(gallery, vocabulary)]
    return np.argsort(margins, kind="stable")[:count]


def _random(
    gallery: Examples, _vocabulary: Vocabulary, count: int, rng: np.random.Generator
) -> Places:
    return rng.permutation(len(gallery))[:count]


RULES: Final[dict[str, Rule]] = {CHANCE: _random, "asked for": _asked, "least sure": _unsure}
"""What is compared with chance; the least sure alone is what an order by confidence gives."""


def _candidates(gallery: Examples, vocabulary: Vocabulary) -> list[Candidate]:
    """Return the gallery; its pictures count as different, as their files are not at hand."""
    shares = softmax(logits(gallery, vocabulary), axis=1)
    hashes = np.random.default_rng(0).integers(0, 2**64, len(gallery), np.uint64)
    return [
        Candidate(
            str(place),
            Seen(gallery.pictures[place], hashes[place]),
            tuple(
                Prediction(vocabulary.labels[label], float(shares[place, label]))
                for label in np.argsort(-shares[place], kind="stable")[:2]
            ),
        )
        for place in range(len(gallery))
    ]


def _table(rows: Sequence[Row]) -> Table:
    columns = ("task", "labelled", "gallery", "tested", "zero-shot", "random")
    columns += ("rule", "accuracy", "gain over random, points (95 %)")
    return Table(
        "",
        columns,
        [
            (
                *(row.task, row.labelled, row.gallery, row.tested),
                *(f"{100 * share:.1f} %" for share in (row.zero_shot, row.random)),
                *(row.rule, f"{100 * row.accuracy:.1f} %"),
                points(row.gain, row.low, row.high),
            )
            for row in rows
        ],
    )


if __name__ == "__main__":
    main()
