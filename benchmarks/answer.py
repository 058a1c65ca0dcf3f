"""Milliseconds from a JPEG file to both answers: the app's first version against the engine.

The first version's way: float32 models, `processor(images)` and `generate` for the caption, then
`processor(text, images)` and a joint call for the labels. Each way has a process of its own, with
the threads that it chooses itself, and they take turns on full-size CLIP and BLIP with random
weights; every picture is new to all.
"""

import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from importlib.util import find_spec
from multiprocessing.connection import Connection
from typing import Any, Final, NamedTuple

from benchmarks.machine import machine
from benchmarks.pictures import SIZE, jpeg
from benchmarks.report import Report, Table, decimal, parser, publish
from benchmarks.seed_size import seed_size
from imgcap.batches import in_batches
from imgcap.images import Picture, open_picture
from imgcap.inference import (
    CaptionOptions,
    ClassifyOptions,
    Description,
    Engine,
    open_engine,
)
from imgcap.labels import first_labels, read_labels
from imgcap.settings import Settings
from imgcap.sources import Source, open_ahead

LABELS: Final = 9
TOKENS: Final = 20
BATCH: Final = 8
FILES: Final = 3 * BATCH
OPTIONS: Final = CaptionOptions(
    num_beams=1, min_new_tokens=TOKENS, max_new_tokens=TOKENS, batch_size=BATCH
)
FIRST: Final = "first version"

_BATCHES: Final = 1000
"""Numbers of pictures from here on are for batches."""


class Seconds(NamedTuple):
    """What a way took for a picture."""

    wall: float
    cpu: float


class Agreement(NamedTuple):
    """How far a way's answers are from the first version's: largest difference, equal captions."""

    furthest: float
    equal: float


def main() -> int:
    """Measure, print the table, write a JSON file if asked, and return the exit status."""
    arguments = parser("benchmarks.answer", __doc__).parse_args()
    machine()
    with seed_size() as (clip, blip):
        settings = Settings(classifier=str(clip), captioner=str(blip))
        ways = {"torch": settings.model_copy(update={"runtime": "torch"})}
        if find_spec("openvino"):
            ways["OpenVINO"] = settings
        rows, agreements = measure(ways, arguments.rounds)
    publish(_report(rows, agreements, arguments.rounds), arguments.json)
    return 0


def measure(
    ways: Mapping[str, Settings], rounds: int
) -> tuple[dict[str, list[Seconds]], dict[str, Agreement]]:
    """Return what each way took a picture in each round, and how far its answers agree."""
    some = next(iter(ways.values()))
    labels = read_labels(first_labels(some))[:LABELS]
    workers = {FIRST: _Worker(_first_version, FIRST, some, labels)}
    workers |= {name: _Worker(_engine, name, each, labels) for name, each in ways.items()}
    rows: dict[str, list[Seconds]] = {}
    answers: dict[str, list[tuple[float, bool]]] = {}
    for number in range(rounds + 1):
        (scores, caption), taken = workers[FIRST].ask(number)
        for name in ways:
            (own_scores, own_caption), own = workers[name].ask(number)
            taken |= own
            furthest = max(abs(scores[label] - score) for label, score in own_scores.items())
            answers.setdefault(name, []).append((furthest, caption == own_caption))
        if number:  # the first round loads and warms up
            for name, seconds in taken.items():
                rows.setdefault(name, []).append(seconds)
    for worker in workers.values():
        worker.close()
    return rows, {
        name: Agreement(max(each[0] for each in seen), statistics.mean(each[1] for each in seen))
        for name, seen in answers.items()
    }


Answers = tuple[dict[str, float], str]
Clock = Callable[[int], tuple[Answers, dict[str, Seconds]]]
"""From a picture's number to the answers and what each way of asking took."""


class _Worker:
    """A process that answers by one way when it is asked."""

    def __init__(self, way: Callable[..., Clock], *given: object) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_work, args=(theirs, way, given))
        self._process.start()
        theirs.close()

    def ask(self, number: int) -> tuple[Answers, dict[str, Seconds]]:
        self._ours.send(number)
        answered: tuple[Answers, dict[str, Seconds]] = self._ours.recv()
        return answered

    def close(self) -> None:
        self._ours.close()
        self._process.join()


def _work(asked: Connection, way: Callable[..., Clock], given: Sequence[object]) -> None:
    clock = way(*given)
    with suppress(EOFError):
        while True:
            asked.send(clock(asked.recv()))


def _first_version(name: str, settings: Settings, labels: Sequence[str]) -> Clock:
    from benchmarks.plain import first_version

    plain = first_version(settings, labels, TOKENS)

    def clock(number: int) -> tuple[Answers, dict[str, Seconds]]:
        file = jpeg(number)
        answers, seconds = _timed(lambda: plain(file))
        return answers, {name: seconds}

    return clock


def _engine(name: str, settings: Settings, labels: Sequence[str]) -> Clock:
    engine = open_engine(settings)
    engine.load()

    def clock(number: int) -> tuple[Answers, dict[str, Seconds]]:
        file = jpeg(number)
        files = [jpeg(_BATCHES + FILES * number + each) for each in range(FILES)]
        described, told, seconds = _one(engine, file, labels)
        taken = {f"{name}, labels told": told, name: seconds}
        for some in (files[:BATCH], files):
            taken[f"{name}, {len(some)} in batches of {BATCH}"] = _many(engine, some, labels)
        scores = {each.label: each.score for each in described.predictions}
        return (scores, described.caption), taken

    return clock


def _one(
    engine: Engine, file: bytes, labels: Sequence[str]
) -> tuple[Description, Seconds, Seconds]:
    """Return both answers, and what passed until the labels were told and until the end."""
    wall, cpu = time.perf_counter(), time.process_time()
    told = []

    def tell(_: object) -> None:
        told.append(Seconds(time.perf_counter() - wall, time.process_time() - cpu))

    described, seconds = _timed(
        lambda: engine.describe(open_picture(file, "one.jpg"), labels, OPTIONS, on_classified=tell)
    )
    return described, told[0], seconds


def _many(engine: Engine, files: Sequence[bytes], labels: Sequence[str]) -> Seconds:
    """Return what a picture of many took, opened as `imgcap describe` does."""
    sources = [Source(f"{number}.jpg", file) for number, file in enumerate(files)]

    def describe() -> None:
        for batch in in_batches(open_ahead(sources, Settings()), BATCH):
            pictures = [picture for _, picture in batch if isinstance(picture, Picture)]
            engine.describe_all(pictures, labels, OPTIONS, ClassifyOptions(batch_size=BATCH))

    _, (wall, cpu) = _timed(describe)
    return Seconds(wall / len(files), cpu / len(files))


def _timed(way: Callable[[], Any]) -> tuple[Any, Seconds]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = way()
    return result, Seconds(time.perf_counter() - wall, time.process_time() - cpu)


def _report(
    rows: Mapping[str, Sequence[Seconds]], agreements: Mapping[str, Agreement], rounds: int
) -> Report:
    medians = {
        name: Seconds(*(statistics.median(column) for column in zip(*figures, strict=True)))
        for name, figures in rows.items()
    }
    first = medians[FIRST]
    table = [
        (
            name,
            *(decimal(1000 * seconds) for seconds in each),
            f"{first.wall / each.wall:.2f}",
            f"{first.cpu / each.cpu:.2f}",
            f"{each.wall / first.wall:.0%}",
        )
        for name, each in medians.items()
    ]
    columns = ("way", "ms a picture", "CPU ms", "times as fast", "by CPU", "of the first version")
    about = (
        f"CLIP and BLIP at full size, {LABELS} labels, captions of {TOKENS} tokens, a JPEG of "
        f"{SIZE[0]}x{SIZE[1]}: medians of {rounds} rounds in which the ways took turns. “Labels "
        "told” is when a page can show them. With random weights near ties are likely in captions."
    )
    agreed = (
        f"{name}: probabilities differ by at most {each.furthest:.4f} from the "
        f"first version's, and {each.equal:.0%} of the captions are equal."
        for name, each in agreements.items()
    )
    return Report(
        "From a file to both answers",
        [about, *agreed],
        [Table("", columns, table)],
        {"seconds": rows, "agreement": {name: each._asdict() for name, each in agreements.items()}},
    )


if __name__ == "__main__":
    sys.exit(main())
