"""Memory of a whole dashboard, Voilà and its kernels, with models loaded and a picture answered.

Real Voilà and real Chromium, whose own memory does not count. Resident memory (RSS) counts pages
that processes share once for each, the proportional share (PSS) once in all, and what is a
process's alone (USS) is what another one would add. The peak is a kernel's, as the system kept it.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
from playwright.sync_api import Browser, sync_playwright

from benchmarks.machine import machine
from benchmarks.page import CAPTION, UPLOAD
from benchmarks.report import Report, Table, parser, publish
from benchmarks.seed_size import seed_size
from imgcap.settings import Settings
from tests.browser.voila_server import (
    PATIENCE,
    Server,
    kernels,
    launch_chromium,
    open_dashboard,
    serve,
    voila,
)

LABELS = ".imgcap-result .imgcap-bar"
SETTLED = 3.0
"""Seconds after the answers until memory is read, so that what is freed late is gone."""


@dataclass(frozen=True)
class Memory:
    """MiB of a dashboard or of one of its processes; `peak` is 0 where it is not known."""

    rss: float
    pss: float
    uss: float
    peak: float = 0


def memory_of(process: psutil.Process) -> Memory:
    """Return what a process holds now, and the most that was resident since it began."""
    full = process.memory_full_info()
    status = Path("/proc", str(process.pid), "status").read_text()
    [peak] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return Memory(full.rss / 2**20, full.pss / 2**20, full.uss / 2**20, int(peak) / 1024)


def measure(
    browser: Browser, server: Server, picture: Path, pages: int
) -> Iterator[dict[str, Memory]]:
    """Open pages one after another, each with a picture answered, and tell the memory after each.

    Yields
    ------
    dict of str to Memory
        Of Voilà's server, of the latest page's kernel, and of the whole tree of processes.
    """
    with ExitStack() as stack:
        known: set[int] = set()
        for _ in range(pages):
            context = browser.new_context()
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(PATIENCE * 1000)
            open_dashboard(page, server)
            with page.expect_file_chooser() as chooser:
                page.get_by_role("button", name=UPLOAD).click()
            chooser.value.set_files(picture)
            page.locator(CAPTION).wait_for()
            page.locator(LABELS).first.wait_for()
            time.sleep(SETTLED)
            [kernel] = [each for each in kernels(server) if each.pid not in known]
            known.add(kernel.pid)
            family = [server.process, *server.process.children(recursive=True)]
            every = [memory_of(process) for process in family]
            whole = Memory(
                sum(each.rss for each in every),
                sum(each.pss for each in every),
                sum(each.uss for each in every),
            )
            yield {
                "server": memory_of(server.process),
                "latest kernel": memory_of(kernel),
                "whole dashboard": whole,
            }


def main() -> int:
    """Measure, print a table, write a JSON file if asked, and return the exit status."""
    options = parser("benchmarks.memory", __doc__, rounds=1)
    options.add_argument("--pages", type=int, default=2, help="pages open at once (default: 2)")
    options.add_argument("--picture", type=Path, default=Settings().data / "samples" / "cat.jpg")
    arguments = options.parse_args()
    machine()
    rows: list[tuple[str, int, str, Memory]] = []
    with (
        sync_playwright() as playwright,
        tempfile.TemporaryDirectory() as name,
        seed_size() as (clip, blip),
    ):
        browser = launch_chromium(playwright)
        if browser is None:
            print("There is no Chromium to measure with.", file=sys.stderr)
            return 1
        for way, variables in _ways(Path(name), clip, blip).items():
            folder = Path(name, "pages", way)
            folder.mkdir(parents=True)
            with serve(folder, *voila(), **variables) as server:
                measured = measure(browser, server, arguments.picture, arguments.pages)
                for number, figures in enumerate(measured, start=1):
                    rows += [(way, number, what, memory) for what, memory in figures.items()]
    every = [
        {"models": way, "pages": pages, "process": what, **asdict(memory)}
        for way, pages, what, memory in rows
    ]
    publish(_report(rows, every), arguments.json)
    return 0


def _ways(folder: Path, clip: Path, blip: Path) -> Mapping[str, Mapping[str, str]]:
    """Return the environment of each way; the first of CLIP and BLIP finds an empty cache.

    Pandas imports pyarrow where it is installed, which `make run` does not do; it is hidden once.
    """
    torch = {"IMGCAP_CACHE": str(folder / "cache"), "IMGCAP_RUNTIME": "torch"}
    large = {"IMGCAP_CLASSIFIER": str(clip), "IMGCAP_CAPTIONER": str(blip)}
    bare = folder / "bare"
    bare.mkdir()
    (bare / "pyarrow.py").write_text("raise ImportError\n")
    ways = {
        "embedded": torch,
        "embedded, no pyarrow": torch | {"PYTHONPATH": str(bare)},
        "CLIP + BLIP, first start": torch | large,
        "CLIP + BLIP": torch | large,
    }
    if find_spec("openvino"):
        quick = large | {"IMGCAP_CACHE": str(folder / "quick"), "IMGCAP_RUNTIME": "auto"}
        ways |= {"with OpenVINO, first start": quick, "with OpenVINO": quick}
    return ways


def _report(rows: Sequence[tuple[str, int, str, Memory]], every: Sequence[Any]) -> Report:
    columns = "models", "pages", "MiB of", "RSS", "PSS", "USS", "peak", "peak / RSS"
    cells = [
        (
            way,
            pages,
            what,
            *(f"{value:,.0f}" if value else "" for value in asdict(memory).values()),
            f"{memory.peak / memory.rss:.2f}" if memory.peak else "",
        )
        for way, pages, what, memory in rows
    ]
    about = (
        "Real Voilà and real Chromium, whose own memory does not count, after one picture a page. "
        "RSS counts pages that processes share once for each, PSS once in all, and USS is what is "
        "a process's alone. The peak is the most that a process ever held. CLIP and BLIP at full "
        "size; the process that converts for OpenVINO at the first start has ended by then."
    )
    return Report("Memory", [about], [Table("", columns, cells)], {"MiB": every})


if __name__ == "__main__":
    sys.exit(main())
