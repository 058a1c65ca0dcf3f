"""Simulated pages: threads that ask a service, and processes with models of their own."""

import multiprocessing
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from multiprocessing.connection import Connection

import psutil

from imgcap.images import open_picture
from imgcap.inference import CaptionOptions, Engine, EngineError, open_engine
from imgcap.labels import first_labels, read_labels
from imgcap.settings import Settings


@dataclass(frozen=True)
class Load:
    """What pages together got: seconds of every answer, sentences of failures, wall seconds."""

    latencies: Sequence[float]
    failures: Sequence[str]
    seconds: float


@dataclass(frozen=True)
class Visit:
    """JPEG files for a page, and how it wants their captions."""

    files: Sequence[bytes]
    options: CaptionOptions

    def answers(self, engine: Engine) -> Iterator[float]:
        """Open and describe each file as a page does, and yield the seconds of each."""
        labels = read_labels(first_labels(Settings()))
        for file in self.files:
            begun = time.perf_counter()
            engine.describe(open_picture(file, "picture.jpg"), labels, self.options)
            yield time.perf_counter() - begun


def ask_service(
    settings: Settings, visits: Sequence[Visit], meanwhile: Callable[[], None] | None = None
) -> Load:
    """Let pages ask the service at once; `meanwhile` is called when a third has been answered."""
    latencies: list[float] = []
    failures: list[str] = []
    reached = threading.Event()
    enough = sum(len(visit.files) for visit in visits) / 3

    def page(visit: Visit) -> None:
        with closing(open_engine(settings)) as engine:
            try:
                for seconds in visit.answers(engine):
                    latencies.append(seconds)
                    if len(latencies) >= enough:
                        reached.set()
            except EngineError as error:
                failures.append(str(error))
                reached.set()

    begun = time.perf_counter()
    with ThreadPoolExecutor(len(visits)) as pool:
        running = [pool.submit(page, visit) for visit in visits]
        if meanwhile:
            reached.wait()
            meanwhile()
        for each in running:
            each.result()
    return Load(latencies, failures, time.perf_counter() - begun)


class Kernels:
    """Processes that each have an engine of their own and wait until they are asked."""

    def __init__(self, settings: Settings, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(count):
            ours, theirs = context.Pipe()
            process = context.Process(target=_kernel, args=(settings, theirs), daemon=True)
            process.start()
            self._ends.append(ours)
            self._processes.append(process)

    @property
    def pids(self) -> list[int]:
        """The processes' numbers."""
        return [process.pid for process in self._processes if process.pid]

    def ask(self, visits: Sequence[Visit]) -> Load:
        """Let as many processes as there are visits answer at once."""
        ends = self._ends[: len(visits)]
        for end, visit in zip(ends, visits, strict=True):
            end.send(visit)
        for end in ends:
            end.recv()  # it has them
        begun = time.perf_counter()
        for end in ends:
            end.send(None)
        latencies = [seconds for end in ends for seconds in end.recv()]
        return Load(latencies, (), time.perf_counter() - begun)

    def close(self) -> None:
        """End the processes."""
        for process in self._processes:
            process.terminate()
            process.join()


def _kernel(settings: Settings, end: Connection) -> None:
    engine = open_engine(settings)
    while True:
        visit: Visit = end.recv()
        end.send(None)
        end.recv()
        end.send(list(visit.answers(engine)))


def pss(pids: Sequence[int]) -> float:
    """Return the MiB of processes: pages that they share count once."""
    return _memory(pids, "pss")


def private(pids: Sequence[int]) -> float:
    """Return the MiB that nobody shares with these processes."""
    return _memory(pids, "uss")


def _memory(pids: Sequence[int], kind: str) -> float:
    total = 0.0
    for pid in pids:
        try:
            total += getattr(psutil.Process(pid).memory_full_info(), kind) / 2**20
        except psutil.Error:  # it has just ended
            continue
    return total
