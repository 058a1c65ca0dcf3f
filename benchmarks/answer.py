"""Milliseconds from a JPEG file to both answers: the app's first version against the engine.

The first version's way: float32 models, `processor(images)` and `generate` for the caption, then
`processor(text, images)` and a joint call for the labels. All ways take turns on full-size CLIP and
BLIP with random weights; every picture is new to all. That waiting threads sleep, as the engine
sees to, helps the first version here as well.
"""

import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from benchmarks.machine import machine
from benchmarks.pictures import SIZE, jpeg
from benchmarks.report import Report, Table, decimal, parser, publish
from benchmarks.seed_size import seed_size
from imgcap.images import open_picture
from imgcap.inference import CaptionOptions, ClassifyOptions, Description, Engine, open_engine
from imgcap.inference.lean import prepare
from imgcap.labels import first_labels, read_labels
from imgcap.settings import Settings

LABELS: Final = 9
TOKENS: Final = 20
BATCH: Final = 8
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
    prepare()
    with seed_size() as (clip, blip):
        settings = Settings(classifier=str(clip), captioner=str(blip))
        rows, agreements = measure({"engine": settings}, arguments.rounds)
    publish(_report(rows, agreements, arguments.rounds), arguments.json)
    return 0


def measure(
    ways: Mapping[str, Settings], rounds: int
) -> tuple[dict[str, list[Seconds]], dict[str, Agreement]]:
    """Return what each way took a picture in each round, and how far its answers agree."""
    from benchmarks.plain import first_version

    some = next(iter(ways.values()))
    labels = read_labels(first_labels(some))[:LABELS]
    plain = first_version(some, labels, TOKENS)
    engines = {name: open_engine(settings) for name, settings in ways.items()}
    rows: dict[str, list[Seconds]] = {}
    answers: dict[str, list[tuple[float, bool]]] = {}
    for number in range(rounds + 1):
        file = jpeg(number)
        files = [jpeg(_BATCHES + BATCH * number + each) for each in range(BATCH)]
        (scores, caption), seconds = _timed(lambda: plain(file))  # noqa: B023  # called at once
        taken = {FIRST: seconds}
        for name, engine in engines.items():
            described, told, seconds = _one(engine, file, labels)
            taken |= {f"{name}, labels told": told, name: seconds}
            taken[f"{name}, batch of {BATCH}"] = _batch(engine, files, labels)
            furthest = max(abs(scores[each.label] - each.score) for each in described.predictions)
            answers.setdefault(name, []).append((furthest, caption == described.caption))
        if number:  # the first round loads and warms up
            for name, seconds in taken.items():
                rows.setdefault(name, []).append(seconds)
    for engine in engines.values():
        engine.close()
    return rows, {
        name: Agreement(max(each[0] for each in seen), statistics.mean(each[1] for each in seen))
        for name, seen in answers.items()
    }


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


def _batch(engine: Engine, files: Sequence[bytes], labels: Sequence[str]) -> Seconds:
    """Return what a picture of a batch took."""

    def describe() -> None:
        pictures = [open_picture(file, "many.jpg") for file in files]
        engine.classify(pictures, labels, ClassifyOptions(batch_size=BATCH))
        engine.caption(pictures, OPTIONS)

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
        f"{name.capitalize()}: probabilities differ by at most {each.furthest:.4f} from the "
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
