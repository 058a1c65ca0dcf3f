"""Pictures per second when several kernels answer at once, each with models of its own.

Threads that wait by spinning take the cores from those that work: as soon as several kernels, or a
quota, share the cores, the plain way gets a fraction of what one kernel alone gets. For contrast it
can take turns with the engine's default settings. A kernel is a process, and stays for all rounds;
every picture is new to it.
"""

import argparse
import multiprocessing
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from itertools import count
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Final

from benchmarks.answer import LABELS, OPTIONS, TOKENS
from benchmarks.machine import machine
from benchmarks.pictures import jpeg
from benchmarks.report import Report, Table, decimal, parser, publish
from benchmarks.seed_size import seed_size
from imgcap.images import open_picture
from imgcap.inference import open_engine
from imgcap.labels import first_labels, read_labels
from imgcap.settings import Settings

ONE_CORE: Final = "one core granted"
_MODELS: Final = "embedded", "CLIP + BLIP"

_WAYS: Final = {"engine": 1, "plain transformers": 4}
"""Each describes so many times fewer pictures in a turn: the plain way would take minutes."""

_TASKS: Final = Path("/proc/self/task")

Rates = dict[str, list[float]]
"""Pictures a second of each round, by the number of kernels."""


def main() -> int:
    """Measure, print the table, write a JSON file if asked, and return the exit status."""
    options = parser("benchmarks.kernels", __doc__, rounds=3)
    options.add_argument("--models", nargs="+", choices=_MODELS, default=_MODELS)
    options.add_argument("--kernels", nargs="+", type=int, default=(1, 2, 4), help="at once")
    options.add_argument(
        "--pictures", type=int, default=16, help="of a turn, by all kernels together (default: 16)"
    )
    options.add_argument(
        "--ways", nargs="+", choices=_WAYS, default=("engine",), help="the plain one takes minutes"
    )
    arguments = options.parse_args()
    machine()
    with seed_size() as (clip, blip):
        pairs = {
            "embedded": Settings(),
            "CLIP + BLIP": Settings(classifier=str(clip), captioner=str(blip)),
        }
        found = {models: measure(pairs[models], arguments) for models in arguments.models}
    publish(_report(found, arguments.rounds), arguments.json)
    return 0


def measure(settings: Settings, arguments: argparse.Namespace) -> dict[str, Rates]:
    """Return what each way reached, the ways and the numbers of kernels taking turns."""
    numbers = arguments.kernels
    found: dict[str, Rates] = {way: {} for way in arguments.ways}
    with ExitStack() as stack:
        kernels = {way: stack.enter_context(_kernels(way, settings, max(numbers))) for way in found}
        fresh = count()
        for number in range(arguments.rounds + 1):
            for way, connections in kernels.items():
                turns = {str(many): connections[:many] for many in numbers}
                if _TASKS.exists():
                    turns[ONE_CORE] = connections[:1]
                for name, asked in turns.items():
                    each = max(1, arguments.pictures // _WAYS[way] // len(asked))
                    rate = _turn(asked, each, next(fresh), one_core=name == ONE_CORE)
                    print(f"{way}, {name}: {rate:.2f} pictures/s", file=sys.stderr, flush=True)
                    if number:  # the first round warms up
                        found[way].setdefault(name, []).append(rate)
    return found


def _turn(kernels: Sequence[Connection], each: int, turn: int, *, one_core: bool) -> float:
    """Let kernels describe so many pictures each, and return the pictures a second of all."""
    for kernel in kernels:
        kernel.send((turn * each, each, one_core))
    for kernel in kernels:
        kernel.recv()  # its pictures are ready
    begun = time.perf_counter()
    for kernel in kernels:
        kernel.send(None)
    for kernel in kernels:
        kernel.recv()
    return each * len(kernels) / (time.perf_counter() - begun)


@contextmanager
def _kernels(way: str, settings: Settings, number: int) -> Iterator[list[Connection]]:
    """Start so many kernels, one after the other, and end them."""
    context = multiprocessing.get_context("spawn")
    ends, processes = [], []
    for _ in range(number):
        ours, theirs = context.Pipe()
        process = context.Process(target=_serve, args=(theirs, way, settings), daemon=True)
        process.start()
        theirs.close()  # so that a kernel that fails is noticed
        ours.recv()  # it has answered once
        ends.append(ours)
        processes.append(process)
    try:
        yield ends
    finally:
        for end in ends:
            end.send(None)
        for process in processes:
            process.join()


def _serve(connection: Connection, way: str, settings: Settings) -> None:
    """Be a kernel: answer as often as asked."""
    answer = _engine(settings) if way == "engine" else _plain(settings)
    answer(jpeg(0))
    connection.send("ready")
    cores = os.sched_getaffinity(0) if _TASKS.exists() else set()
    while (asked := connection.recv()) is not None:
        first, many, one_core = asked
        if cores:
            _grant({min(cores)} if one_core else cores)
        files = [jpeg(first + number) for number in range(many)]
        connection.send("prepared")
        connection.recv()
        for file in files:
            answer(file)
        connection.send("done")


def _grant(cores: set[int]) -> None:
    """Let all threads of this process run on these cores only, as a quota would.

    Their number stays: torch chose it when it was imported, as it does under a quota.
    """
    for task in _TASKS.iterdir():
        os.sched_setaffinity(int(task.name), cores)


def _engine(settings: Settings) -> Callable[[bytes], Any]:
    engine, labels = open_engine(settings), _labels(settings)
    return lambda file: engine.describe(open_picture(file, "one.jpg"), labels, OPTIONS)


def _plain(settings: Settings) -> Callable[[bytes], Any]:
    from benchmarks.plain import first_version

    return first_version(settings, _labels(settings), TOKENS)


def _labels(settings: Settings) -> list[str]:
    return list(read_labels(first_labels(settings)))[:LABELS]


def _report(found: dict[str, dict[str, Rates]], rounds: int) -> Report:
    rows = []
    for models, ways in found.items():
        for way, rates in ways.items():
            medians = {name: statistics.median(values) for name, values in rates.items()}
            alone = next(iter(medians.values()))
            cells = (f"{decimal(rate)} ({rate / alone:.2f}x)" for rate in medians.values())
            rows.append((models, way, *cells))
    names = next(iter(next(iter(found.values())).values()))
    columns = [name if name == ONE_CORE else f"{name} at once" for name in names]
    about = (
        "Pictures a second of all kernels together, in brackets against the first number of "
        f"kernels: medians of {rounds} rounds, both ways and all numbers taking turns. Captions of "
        f"{TOKENS} tokens, {LABELS} labels, default settings. With “{ONE_CORE}” a kernel that "
        "chose its threads for all cores may use one of them, as under a quota."
    )
    report = Table("", ("models", "way", *columns), rows)
    return Report("Kernels that share the cores", [about], [report], {"pictures_per_s": found})


if __name__ == "__main__":
    sys.exit(main())
