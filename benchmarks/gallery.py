"""Seconds until a page knows what many pictures show, together and one by one.

The page's own thread answers, without a browser; each way runs in a process of its own, so that
its peak of memory is its own.
"""

import multiprocessing
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

from PIL import Image

from benchmarks.machine import machine
from benchmarks.report import Report, Table, parser, publish
from imgcap.settings import Settings
from imgcap.widgets import analyst as analyst_module
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.state import AppState

_WAYS = {"together": analyst_module._TOGETHER, "one by one": 1}  # noqa: SLF001  # what is compared
_LEAST_SHARE = 0.6
_MEBI = 2**20


def crops(samples: Path, count: int) -> list[bytes]:
    """Return so many different JPEG files: crops of the samples, round and round."""
    opened = [Image.open(path).convert("RGB") for path in sorted(samples.glob("*.jpg"))]
    files = []
    for number in range(count):
        image = opened[number % len(opened)]
        turn = number // len(opened) / max(1, count // len(opened))
        share = 1 - (1 - _LEAST_SHARE) * turn
        width, height = int(image.width * share), int(image.height * share)
        left, top = int((image.width - width) * turn), int((image.height - height) * turn)
        buffer = BytesIO()
        image.crop((left, top, left + width, top + height)).save(buffer, "JPEG", quality=90)
        files.append(buffer.getvalue())
    return files


def measure(together: int, count: int) -> tuple[float, float, float]:
    """Return the seconds to the first result and to all, and the peak of memory in MiB."""
    analyst_module._TOGETHER = together  # noqa: SLF001  # what is compared
    files = crops(Settings().data / "samples", count)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            log=Path(folder) / "page.log",
            feedback=f"csv:{folder}/feedback.csv",
            pictures=Path(folder) / "pictures",
        )
        state = AppState(settings)
        state.engine.load()
        analyst = Analyst(state)
        started = time.perf_counter()
        for number, data in enumerate(files):
            state.add(state.shelf.put(data, f"{number:03}.jpg"), select=number == 0)
        first = _wait(lambda: "done" in state.statuses.values()) - started
        last = _wait(lambda: set(state.statuses.values()) == {"done"}) - started
        analyst.close()
        state.close()
    # Linux counts in kibibytes, macOS in bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return first, last, peak / (_MEBI if sys.platform == "darwin" else 1024)


def _wait(condition: Callable[[], bool]) -> float:
    while not condition():
        time.sleep(0.005)
    return time.perf_counter()


def main() -> int:
    """Measure, print the table, write a JSON file if asked, and return the exit status."""
    options = parser("benchmarks.gallery", __doc__, rounds=3)
    options.add_argument("--count", type=int, default=200, help="pictures (default: 200)")
    arguments = options.parse_args()
    machine()
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in _WAYS}
    context = multiprocessing.get_context("spawn")
    for _ in range(arguments.rounds):
        for name, together in _WAYS.items():
            with context.Pool(1) as pool:
                found[name].append(pool.apply(measure, (together, arguments.count)))
    rows = []
    for name, each in found.items():
        first, last, peak = (statistics.median(column) for column in zip(*each, strict=True))
        rate = arguments.count / last
        rows.append((name, f"{first:.1f}", f"{last:.1f}", f"{rate:.1f}", f"{peak:,.0f}"))
    columns = ("way", "s to the first", "s to all", "pictures/s", "peak MiB")
    about = (
        f"{arguments.count} pictures with the embedded pair, by the page's own thread without a "
        f"browser: medians of {arguments.rounds} rounds, each way in a process of its own."
    )
    publish(Report("A gallery", [about], [Table("", columns, rows)], found), arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
