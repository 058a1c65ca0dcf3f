"""One service for many pages against a pair of models in every page: pictures a second and memory.

Simulated pages are threads on loopback, each with a remote engine of its own, that describe one
picture after the other without a pause: more than people would ask. Pages with models of their own
are processes. Memory is the proportional share (PSS) of all processes, so shared pages count once.
"""

import argparse
import multiprocessing
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import psutil

from benchmarks.machine import machine
from imgcap.images import Picture, open_picture
from imgcap.inference import CaptionOptions, Engine, EngineError, open_engine
from imgcap.labels import first_labels, read_labels
from imgcap.serve import Service
from imgcap.settings import Settings

HEADINGS = ("way", "pages", "answered", "failed", "pictures/s", "median ms", "95 % ms", "worst ms")


@dataclass(frozen=True)
class Load:
    """What pages together got: seconds of every answer, sentences of failures, wall seconds."""

    way: str
    pages: int
    latencies: Sequence[float]
    failures: Sequence[str]
    seconds: float

    def row(self) -> str:
        """Return a line of the table."""
        ordered = sorted(self.latencies)
        median = statistics.median(ordered)
        nearly = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
        cells = [
            self.way,
            self.pages,
            len(ordered),
            len(self.failures),
            f"{len(ordered) / self.seconds:.1f}",
            *(f"{1000 * value:.0f}" for value in (median, nearly, ordered[-1])),
        ]
        return _line(cells)


def pictures_of(settings: Settings) -> list[Picture]:
    """Return the samples that come with the project."""
    files = sorted((settings.data / "samples").glob("*.jpg"))
    return [open_picture(file.read_bytes(), file.name) for file in files]


def visit(engine: Engine, pictures: Sequence[Picture], first: int, count: int) -> Iterator[float]:
    """Describe pictures one after the other as a page does, and yield the seconds of each."""
    labels = read_labels(first_labels(Settings()))
    for index in range(first, first + count):
        begun = time.perf_counter()
        engine.describe(pictures[index % len(pictures)], labels, CaptionOptions())
        yield time.perf_counter() - begun


def load_service(
    settings: Settings, way: str, pages: int, each: int, meanwhile: Callable[[], None] | None = None
) -> Load:
    """Let pages ask the service at once; `meanwhile` is called when a third has been answered."""
    pictures = pictures_of(settings)
    latencies: list[float] = []
    failures: list[str] = []
    reached = threading.Event()

    def page(number: int) -> None:
        with closing(open_engine(settings)) as engine:
            try:
                for seconds in visit(engine, pictures, number, each):
                    latencies.append(seconds)
                    if len(latencies) >= pages * each / 3:
                        reached.set()
            except EngineError as error:
                failures.append(str(error))
                reached.set()

    begun = time.perf_counter()
    with ThreadPoolExecutor(pages) as pool:
        running = [pool.submit(page, number) for number in range(pages)]
        if meanwhile:
            reached.wait()
            meanwhile()
        for each_page in running:
            each_page.result()
    return Load(way, pages, latencies, failures, time.perf_counter() - begun)


def load_kernels(kernels: int, each: int) -> tuple[Load, float]:
    """Let processes with models of their own describe at once; with their memory in MiB."""
    context = multiprocessing.get_context("spawn")
    ready, answers = context.Barrier(kernels + 1), context.Queue()
    processes = [
        context.Process(target=_kernel, args=(number, each, ready, answers))
        for number in range(kernels)
    ]
    for process in processes:
        process.start()
    ready.wait()
    begun = time.perf_counter()
    latencies = [seconds for _ in processes for seconds in answers.get()]
    seconds = time.perf_counter() - begun
    memory = sum(_pss(psutil.Process(process.pid)) for process in processes)
    ready.wait()
    for process in processes:
        process.join()
    return Load("models in every page", kernels, latencies, (), seconds), memory


def _kernel(
    number: int, each: int, ready: threading.Barrier, answers: multiprocessing.Queue
) -> None:  # type: ignore[type-arg]
    settings = Settings(engine="local")
    engine, pictures = open_engine(settings), pictures_of(settings)
    list(visit(engine, pictures, 0, 1))
    ready.wait()
    answers.put(list(visit(engine, pictures, number, each)))
    ready.wait()


def service_memory() -> float:
    """Return the MiB of all that Ray has started for this process."""
    return sum(_pss(child) for child in psutil.Process().children(recursive=True))


def kill_a_captioner() -> None:
    """End a process that writes captions, as a machine that fails would."""
    for child in psutil.Process().children(recursive=True):
        if "ServeReplica:captioner" in " ".join(child.cmdline()):
            child.kill()
            return


def _measure_service(arguments: argparse.Namespace) -> list[str]:
    """Print a row for each number of pages, and return remarks."""
    settings = Settings(engine="local", serve_port=arguments.port)
    begun = time.perf_counter()
    with closing(Service(settings)) as service:
        notes = [f"The service started in {time.perf_counter() - begun:.0f} s"]
        thin = settings.model_copy(update={"engine": service.address})
        load_service(thin, "", 1, 2)  # loads the models
        for pages in arguments.pages:
            each = max(1, arguments.pictures // pages)
            print(load_service(thin, "one service", pages, each).row(), flush=True)
        notes.append(f"The service with both models: {service_memory():,.0f} MiB")
        pages = min(16, max(arguments.pages))
        each = max(1, arguments.pictures // pages)
        way = "one service, a captioner killed"
        killed = load_service(thin, way, pages, each, kill_a_captioner)
        print(killed.row(), flush=True)
    return [*notes, *killed.failures]


def _pss(process: psutil.Process) -> float:
    try:
        return process.memory_full_info().pss / 2**20
    except psutil.Error:
        return 0


def _line(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell) for cell in cells) + " |"


def main() -> int:
    """Measure, print a Markdown table and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serve", description=__doc__)
    parser.add_argument("--pages", type=int, nargs="*", default=[1, 4, 16, 64])
    parser.add_argument("--kernels", type=int, nargs="*", default=[1, 4])
    parser.add_argument("--pictures", type=int, default=64, help="of every row (default: 64)")
    parser.add_argument("--port", type=int, default=8901)
    arguments = parser.parse_args()
    print(", ".join(f"{name} {value}" for name, value in machine().items()))
    print(_line(HEADINGS), _line(["---"] * len(HEADINGS)), sep="\n")
    notes: list[str] = []
    for kernels in arguments.kernels:
        load, used = load_kernels(kernels, max(1, arguments.pictures // kernels))
        print(load.row(), flush=True)
        notes.append(f"{kernels} pages with models of their own: {used:,.0f} MiB")
    if arguments.pages:
        notes += _measure_service(arguments)
    print(*("- " + note for note in notes), sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
