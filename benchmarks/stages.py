"""Where the time of one picture goes, and how far each stage is from what the machine can do.

Full-size CLIP and BLIP with random weights, on torch; stages are clocked by hooks on the models'
parts. What the machine can do is measured in the same rounds: the best product of two square
matrices, the product that most of a stage consists of, and how fast memory is copied.
"""

import statistics
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from benchmarks.machine import machine
from benchmarks.report import Report, Table, decimal, parser, publish
from benchmarks.seed_size import seed_size
from imgcap.inference.lean import prepare
from imgcap.settings import Settings

if TYPE_CHECKING:
    from benchmarks.stage_clock import Speeds
    from benchmarks.work import Work

_GIGA: Final = 1e9


def main() -> int:
    """Measure, print the table, write a JSON file if asked, and return the exit status."""
    arguments = parser("benchmarks.stages", __doc__).parse_args()
    machine()
    prepare()  # before torch is imported, as an engine does
    from benchmarks.stage_clock import Stages

    rows: list[dict[str, float]] = []
    speeds: list[Speeds] = []
    with seed_size() as (clip, blip):
        stages = Stages(Settings(classifier=str(clip), captioner=str(blip), runtime="torch"))
        stages.clocked(0)  # loads and warms up
        works = stages.work()
        for number in range(1, arguments.rounds + 1):
            rows.append(stages.clocked(number))
            speeds.append(stages.speeds(works))
        about = stages.about()
    publish(_report(_medians(rows), _medians(speeds), works, about), arguments.json)
    return 0


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in rounds) for name in rounds[0]}


def _report(
    seconds: Mapping[str, float], speeds: "Speeds", works: "Mapping[str, Work]", about: str
) -> Report:
    rows: list[tuple[object, ...]] = []
    for name, taken in seconds.items():
        cells: tuple[str, ...] = ("",) * 6
        if each := works.get(name):
            reached, read = each.flop / taken, each.read / taken
            cells = (
                *(decimal(each.flop / _GIGA), decimal(reached / _GIGA)),
                *(f"{reached / speeds['peak']:.0%}", f"{reached / speeds[name]:.0%}"),
                *(decimal(each.read / _GIGA), f"{read / speeds['memory']:.0%}"),
            )
        rows.append((name, decimal(1000 * taken), *cells))
    columns = ("stage", "ms", "GFLOP", "GFLOP/s", "of the peak", "of its own product")
    limits = (
        f"The machine's best product of square matrices reached "
        f"{decimal(speeds['peak'] / _GIGA)} GFLOP/s, memory {decimal(speeds['memory'] / _GIGA)} "
        "GB/s, copying. “Its own product” is one of the rows and widths that most of a stage "
        "consists of, with weights that stay in the cache. A step of a caption has one row and "
        "reads all weights of the decoder: memory is its limit, not the peak."
    )
    table = Table("", (*columns, "GB read", "of memory's speed"), rows)
    figures = {
        "seconds": seconds,
        "speeds": speeds,
        "work": {name: vars(each) for name, each in works.items()},
    }
    return Report("Stages of an answer", [f"{about}: medians.", limits], [table], figures)


if __name__ == "__main__":
    sys.exit(main())
