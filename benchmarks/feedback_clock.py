"""The clocks that time ways to keep feedback: in turns, and with several processes at once."""

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from itertools import chain, islice
from multiprocessing.synchronize import Barrier
from typing import Any, Final, NamedTuple

from benchmarks.feedback_ways import Maker, Way, records
from imgcap.feedback import FeedbackRecord

_APPENDS: Final = 50  # a turn at most
_APPEND_SECONDS: Final = 1.0
_FILLS: Final = 5  # at least, of at most so many records:
_FILLED: Final = 10_000
_PATIENCE: Final = 60.0

_barrier: Barrier | None = None


@dataclass(frozen=True)
class Measurement:
    """Seconds that a task took in one way at this many rows, one value a turn."""

    task: str
    way: str
    rows: int
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the turns."""
        return statistics.median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "median": self.median}


@dataclass(frozen=True)
class Crowd:
    """What came of several processes that appended at once; counts are of all turns together.

    Parameters
    ----------
    rates : tuple of float
        Records a second that were acknowledged, one value a turn.
    acknowledged, failed : int
        How many records were said to be stored, and how many ended with an error.
    lost : int
        How many of the acknowledged ones were not there afterwards.
    """

    way: str
    processes: int
    rates: tuple[float, ...]
    acknowledged: int
    failed: int
    lost: int

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {**asdict(self), "median": statistics.median(self.rates)}


def in_turns(
    turns: Mapping[str, Callable[[], float]], rounds: int, budget: float
) -> dict[str, tuple[float, ...]]:
    """Let each way take its turn in every round, until it has taken `budget` seconds in all."""
    results: dict[str, list[float]] = {name: [] for name in turns}
    spent = dict.fromkeys(turns, 0.0)
    for _ in range(rounds):
        for name, turn in turns.items():
            if spent[name] < budget:
                started = time.perf_counter()
                results[name].append(turn())
                spent[name] += time.perf_counter() - started
    return {name: tuple(values) for name, values in results.items()}


def fill(
    ways: Mapping[str, Way], fresh: Iterator[FeedbackRecord], count: int
) -> dict[str, tuple[float, ...]]:
    """Store `count` records in each way, many at once; return the seconds a record."""
    results: dict[str, list[float]] = {name: [] for name in ways}
    at_once = min(_FILLED, count // _FILLS + 1)
    for start in range(0, count, at_once):
        some = list(islice(fresh, min(at_once, count - start)))
        for name, way in ways.items():
            started = time.perf_counter()
            way.fill(some)
            results[name].append((time.perf_counter() - started) / len(some))
    return {name: tuple(values) for name, values in results.items()}


def append(way: Way, fresh: Iterator[FeedbackRecord]) -> float:
    """Store some records one by one; return the seconds a record."""
    taken, count = 0.0, 0
    while count < _APPENDS and taken < _APPEND_SECONDS:
        record = next(fresh)
        started = time.perf_counter()
        way.append(record)
        taken += time.perf_counter() - started
        count += 1
    return taken / count


def show(way: Way) -> float:
    """Open the way as a new page does; return the seconds."""
    started = time.perf_counter()
    way.show()
    return time.perf_counter() - started


def crowd(
    places: Callable[[], Mapping[str, Maker]], processes: int, seconds: float, rounds: int
) -> list[Crowd]:
    """Let processes append at once for some seconds, in turns, each time to new places."""
    turns: dict[str, list[_Turn]] = {}
    for _ in range(rounds):
        for name, make in places().items():
            turns.setdefault(name, []).append(_turn(make, processes, seconds))
    return [
        Crowd(
            name,
            processes,
            tuple(each.acknowledged / each.seconds for each in of_way),
            sum(each.acknowledged for each in of_way),
            sum(each.failed for each in of_way),
            sum(each.lost for each in of_way),
        )
        for name, of_way in turns.items()
    ]


class _Turn(NamedTuple):
    seconds: float
    acknowledged: int
    failed: int
    lost: int


def _turn(make: Maker, processes: int, seconds: float) -> _Turn:
    # Not forked from this process, whose threads would be missing from the copy.
    context = multiprocessing.get_context("forkserver")
    with closing(make()) as way:
        way.append(next(records(processes)))  # makes what the first record needs
        with ProcessPoolExecutor(
            processes, context, _remember, (context.Barrier(processes),)
        ) as pool:
            running = [
                pool.submit(_append_for, seconds, make, number) for number in range(processes)
            ]
            said, failed, taken = zip(*(each.result() for each in running), strict=True)
        there = set(way.comments())
    comments = list(chain.from_iterable(said))
    lost = sum(comment not in there for comment in comments)
    return _Turn(max(taken), len(comments), sum(failed), lost)


def _remember(barrier: Barrier) -> None:
    global _barrier  # noqa: PLW0603  # a pool hands it to no task
    _barrier = barrier


def _append_for(seconds: float, make: Maker, number: int) -> tuple[list[str], int, float]:
    """Append until the time is over; return what was stored, the failures and the seconds."""
    fresh, said, failed = records(number), [], 0
    with closing(make()) as way:
        if _barrier:
            _barrier.wait(_PATIENCE)
        started = time.monotonic()
        while time.monotonic() < started + seconds:
            record = next(fresh)
            try:
                way.append(record)
            except ValueError:  # FeedbackError, or what pandas says of half a file
                failed += 1
            else:
                said.append(record.comment)
        return said, failed, time.monotonic() - started
