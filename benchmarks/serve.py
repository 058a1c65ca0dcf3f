"""One service for many pages against a pair of models in every page.

Both are started and warm, and take turns on the same pictures: JPEG files that no engine has seen
before. Pages of the service are threads on loopback, each with a remote engine; pages with models
are processes. All open and describe one file after the other without a pause, which is more than
people would ask. Memory is the proportional share (PSS) of all processes of a way.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from typing import Any, Final

import psutil

from benchmarks.machine import machine
from benchmarks.pictures import jpeg
from benchmarks.report import Report, Table, parser, publish
from benchmarks.seed_size import seed_size
from benchmarks.serve_pages import Kernels, Load, Visit, ask_service, private, pss
from imgcap.inference import CaptionOptions
from imgcap.settings import Settings

EMBEDDED: Final = "embedded"
SEED_SIZE: Final = "seed-size"
SERVICE: Final = "one service"
OWN: Final = "models in every page"
KILLED: Final = "one service, a captioner killed"
COLUMNS: Final = (
    *("way", "pages", "answered", "failed", "pictures/s", "median ms", "95 % ms", "worst ms"),
    "MiB",
)
SENTENCES: Final = (
    "Pictures are JPEG files of 1600 x 1200 pixels that no engine has seen before.",
    "Every page opens and describes one after the other without a pause.",
    "Both ways are warm and take turns on the same files.",
    "Pictures a second are the median of the rounds; times of an answer are of all rounds.",
    "Memory is the proportional share (PSS) of all processes of a way.",
    "In brackets it is arithmetic: what a page adds that nobody shares, times the pages.",
)

_TOKENS: Final = 20
_NEARLY: Final = 0.95
_KILLED_AMONG: Final = 16


@dataclass(frozen=True)
class Plan:
    """What is measured with a pair of models."""

    settings: Settings
    options: CaptionOptions
    pages: Sequence[int]
    kernels: Sequence[int]
    pictures: int
    rounds: int

    def visits(self, pages: int, series: int) -> list[Visit]:
        """Return what pages get in a series: files that are in no other."""
        each = max(1, self.pictures // pages)
        first = series * max(self.pictures, *self.pages, *self.kernels)
        with ThreadPoolExecutor() as pool:
            files = list(pool.map(jpeg, range(first, first + pages * each)))
        starts = range(0, len(files), each)
        return [Visit(files[start : start + each], self.options) for start in starts]


@dataclass(frozen=True)
class Memory:
    """MiB of the service with its models, and what pages of both ways add."""

    service: float
    thin: float
    own: Mapping[int, float]
    one_more: float

    def of(self, way: str, pages: int) -> str:
        """Return what a way takes with some pages; what was not measured is in brackets."""
        if way != OWN:
            return f"({self.service + pages * self.thin:,.0f})"
        known = self.own.get(pages)
        return f"{known:,.0f}" if known else f"({pages * self.one_more:,.0f})"


@dataclass(frozen=True)
class Measured:
    """What was found with a pair of models: of each way and number of pages a load a round."""

    loads: Mapping[tuple[str, int], Sequence[Load]]
    memory: Memory
    started: float

    def table(self, heading: str, pages: Sequence[int]) -> Table:
        """Return rows of all ways; of what would not fit into memory, how much that would be."""
        rows = [[*key, *_figures(found), self.memory.of(*key)] for key, found in self.loads.items()]
        rows += [
            [OWN, count, *[""] * (len(COLUMNS) - 3), self.memory.of(OWN, count)]
            for count in pages
            if (OWN, count) not in self.loads
        ]
        return Table(heading, COLUMNS, rows)

    def sentence(self, name: str) -> str:
        """Return what the table has no column for."""
        return (
            f"The service with the {name} models started in {self.started:.0f} s and took "
            f"{self.memory.service:,.0f} MiB; a process with an engine of it, without the page's "
            f"panels, adds {self.memory.thin:,.0f} MiB, one with models "
            f"{self.memory.one_more:,.0f} MiB."
        )

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "memory": asdict(self.memory),
            "started_s": round(self.started, 1),
            "loads": [
                {"way": way, "pages": pages, "rounds": [asdict(load) for load in found]}
                for (way, pages), found in self.loads.items()
            ],
        }


def main() -> int:
    """Measure, print the tables, write a JSON file if asked, and return the exit status."""
    arguments = _parsed()
    machine()
    found: dict[str, Measured] = {}
    with ExitStack() as stack:
        for name in arguments.models:
            settings = Settings(engine="local", serve_port=arguments.port, serve_idle_s=0)
            options, pictures = CaptionOptions(), arguments.pictures
            if name == SEED_SIZE:
                clip, blip = stack.enter_context(seed_size())
                chosen = {"classifier": str(clip), "captioner": str(blip)}
                settings = settings.model_copy(update=chosen)
                options = CaptionOptions(1, min_new_tokens=_TOKENS, max_new_tokens=_TOKENS)
                pictures = max(1, pictures // 3)
            plan = Plan(
                settings, options, arguments.pages, arguments.kernels, pictures, arguments.rounds
            )
            found[name] = measure(plan)
    failures = {
        sentence
        for measured in found.values()
        for loads in measured.loads.values()
        for load in loads
        for sentence in load.failures
    }
    report = Report(
        "One service for many pages",
        [*SENTENCES, *(each.sentence(name) for name, each in found.items()), *sorted(failures)],
        [each.table(f"Models: {name}", arguments.pages) for name, each in found.items()],
        {name: each.as_dict() for name, each in found.items()},
    )
    publish(report, arguments.json)
    return 0


def measure(plan: Plan) -> Measured:
    """Measure memory of each way while the other has none, then speed in turns."""
    from imgcap.serve import Service  # the processes that import this module need no Ray

    own, one_more = {}, 0.0
    for count in plan.kernels:
        with closing(Kernels(plan.settings, count)) as kernels:
            kernels.ask(plan.visits(count, 0))
            own[count] = pss(kernels.pids)
            one_more = private(kernels.pids) / count
    others = set(_children())
    begun = time.perf_counter()
    with closing(Service(plan.settings)) as service, ExitStack() as stack:
        started = time.perf_counter() - begun
        thin = plan.settings.model_copy(update={"engine": service.address})
        ask_service(thin, plan.visits(1, 0)[:1])
        used = pss([pid for pid in _children() if pid not in others])
        with closing(Kernels(thin, 1)) as page:
            page.ask(plan.visits(1, 0))
            memory = Memory(used, private(page.pids), own, one_more)
        loads: dict[tuple[str, int], list[Load]] = {}
        if plan.kernels:
            kernels = stack.enter_context(closing(Kernels(plan.settings, max(plan.kernels))))
            kernels.ask(plan.visits(max(plan.kernels), 0))
        series = 0
        for _ in range(plan.rounds):
            for count in sorted({*plan.pages, *plan.kernels}):
                series += 1
                visits = plan.visits(count, series)
                if count in plan.pages:
                    loads.setdefault((SERVICE, count), []).append(ask_service(thin, visits))
                if count in plan.kernels:
                    loads.setdefault((OWN, count), []).append(kernels.ask(visits))
        if plan.pages:
            count = min(_KILLED_AMONG, max(plan.pages))
            visits = plan.visits(count, series + 1)
            loads[KILLED, count] = [ask_service(thin, visits, _kill_a_captioner)]
    return Measured(loads, memory, started)


def _children() -> list[int]:
    return [child.pid for child in psutil.Process().children(recursive=True)]


def _kill_a_captioner() -> None:
    """End a process that writes captions, as a machine that fails would."""
    for child in psutil.Process().children(recursive=True):
        if ":captioner" in " ".join(child.cmdline()):
            child.kill()
            return


def _figures(loads: Sequence[Load]) -> list[str]:
    ordered = sorted(seconds for load in loads for seconds in load.latencies)
    rate = statistics.median(len(load.latencies) / load.seconds for load in loads)
    nearly = ordered[int(_NEARLY * (len(ordered) - 1))]
    failed = sum(len(load.failures) for load in loads)
    times = (statistics.median(ordered), nearly, ordered[-1])
    return [
        str(len(ordered)),
        str(failed),
        f"{rate:.1f}",
        *(f"{1000 * seconds:,.0f}" for seconds in times),
    ]


def _parsed() -> argparse.Namespace:
    options = parser("benchmarks.serve", __doc__, rounds=3)
    options.add_argument("--models", nargs="+", choices=(EMBEDDED, SEED_SIZE))
    options.set_defaults(models=[EMBEDDED, SEED_SIZE])
    options.add_argument("--pages", type=int, nargs="*", default=[1, 4, 16, 64])
    options.add_argument("--kernels", type=int, nargs="*", default=[1, 4])
    options.add_argument(
        "--pictures", type=int, default=48, help="of every row, for large models a third"
    )
    options.add_argument("--port", type=int, default=8901)
    return options.parse_args()


if __name__ == "__main__":
    sys.exit(main())
