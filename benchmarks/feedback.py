"""How quickly feedback is kept and shown by each store, and by rewriting a file whole.

The ways take turns within every round, so that whatever else the machine does meets all of them
alike; the tables show medians over the turns. Everything is written to the temporary folder (set
TMPDIR to choose the disk) and removed at the end.
"""

import argparse
import json
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing
from functools import partial
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.feedback_clock import Measurement, append, crowd, fill, in_turns, show
from benchmarks.feedback_report import APPEND, EXTEND, SHOW, report
from benchmarks.feedback_ways import InStore, Maker, Rewritten, records
from benchmarks.machine import machine
from tests.feedback_servers import MongoDB, PostgreSQL, Server, programs_of_postgresql, running

_ORIGINAL: Final = "pandas, file rewritten: rating and comment"
_WHOLE: Final = "pandas, file rewritten: whole record"
_MONGODB: Final = "MongoDB (SecantusDB in its place)"
_REWRITTEN: Final = {_ORIGINAL, _WHOLE}
_SLOW: Final = {_WHOLE, _MONGODB}
_SYNCS: Final = 50
_PRELOADED: Final = [
    *("benchmarks.feedback_clock", "benchmarks.feedback_report", "tests.feedback_servers"),
    *("imgcap.feedback.sql", "imgcap.feedback.mongo"),
]


class DurablePostgreSQL(PostgreSQL):
    """A server as it is installed: what it acknowledged is on disk."""

    tuning: Mapping[str, str] = {}


def main() -> int:
    """Measure, print the tables and write a JSON file; return the exit status."""
    arguments = _parser().parse_args()
    if arguments.quick:
        arguments.rows, arguments.rounds, arguments.seconds = [0, 50], 2, 0.3
    # Else each process of a crowd would import them anew.
    multiprocessing.set_forkserver_preload(_PRELOADED)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="feedback-")))
        servers: dict[str, Server] = {_MONGODB: stack.enter_context(running(MongoDB))}
        if programs_of_postgresql():
            servers["PostgreSQL"] = stack.enter_context(running(DurablePostgreSQL))
        else:
            print("PostgreSQL is not installed, and left out.", file=sys.stderr)
        about = _about(arguments, folder)
        places = partial(_makers, folder, servers)
        measurements = list(_alone(arguments, places()))
        crowds = crowd(places, arguments.processes, arguments.seconds, arguments.rounds)
    print(report(measurements, crowds, about))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    results = {
        "machine": about,
        "rows": [each.as_dict() for each in measurements],
        "crowds": [each.as_dict() for each in crowds],
    }
    arguments.json.write_text(json.dumps(results, indent=2) + "\n")
    print(f"Written to {arguments.json}", file=sys.stderr)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.feedback", description=__doc__)
    parser.add_argument(
        "--rows",
        type=int,
        nargs="+",
        default=[0, 1_000, 100_000, 1_000_000],
        help="how many are there when is measured (default: 0 1000 100000 1000000)",
    )
    parser.add_argument(
        "--slow-rows",
        type=int,
        default=100_000,
        help="the most for the two slowest ways (default: 100000)",
    )
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument(
        "--budget",
        type=float,
        default=15,
        help="seconds after which a way takes no further turn at a task (default: 15)",
    )
    parser.add_argument("--processes", type=int, default=4, help="that append at once (default: 4)")
    parser.add_argument(
        "--seconds", type=float, default=2, help="that they append for (default: 2)"
    )
    parser.add_argument("--quick", action="store_true", help="only see whether all of it works")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/feedback.json"))
    return parser


def _makers(folder: Path, servers: Mapping[str, Server]) -> dict[str, Maker]:
    """Return how to open each way, on places where there is nothing yet."""
    folder = Path(tempfile.mkdtemp(dir=folder))
    return {
        _ORIGINAL: partial(Rewritten, folder / "original.csv", whole=False),
        _WHOLE: partial(Rewritten, folder / "whole.csv", whole=True),
        "CSV": partial(InStore, f"csv:{folder / 'feedback.csv'}"),
        "SQLite": partial(InStore, f"sqlite:///{folder / 'feedback.db'}"),
        **{
            name: partial(InStore, server.url(server.new_database()))
            for name, server in sorted(servers.items(), reverse=True)
        },
    }


def _alone(arguments: argparse.Namespace, makers: Mapping[str, Maker]) -> Iterator[Measurement]:
    """Measure each task at each number of rows, one process at a time."""
    fresh = records(-1)
    with ExitStack() as stack:
        ways = {name: stack.enter_context(closing(make())) for name, make in makers.items()}
        there = 0
        for rows in sorted(arguments.rows):
            if rows > arguments.slow_rows:
                ways = {name: way for name, way in ways.items() if name not in _SLOW}
            filled = fill(ways, fresh, rows - there)
            there = rows
            for way in ways.values():  # makes what the first record needs, and is not counted
                way.append(next(fresh))
            for task, results in (
                (EXTEND, {name: filled[name] for name in ways if name not in _REWRITTEN}),
                (
                    APPEND,
                    _turns(arguments, {each: partial(append, ways[each], fresh) for each in ways}),
                ),
                (SHOW, _turns(arguments, {each: partial(show, ways[each]) for each in ways})),
            ):
                yield from (
                    Measurement(task, name, rows, seconds)
                    for name, seconds in results.items()
                    if seconds
                )


def _turns(
    arguments: argparse.Namespace, turns: Mapping[str, Callable[[], float]]
) -> dict[str, tuple[float, ...]]:
    return in_turns(turns, arguments.rounds, arguments.budget)


def _about(arguments: argparse.Namespace, folder: Path) -> dict[str, object]:
    """Return the machine, the versions, and how long the disk takes for what every append needs."""
    programs = programs_of_postgresql()
    about: dict[str, object] = {
        **machine(),
        "write_and_fsync_ms": round(1000 * _fsync(folder), 2),
        "sqlite": sqlite3.sqlite_version,
        **{name: version(name) for name in ("pandas", "sqlalchemy", "psycopg", "secantusdb")},
        "rounds": arguments.rounds,
    }
    if programs:
        told = subprocess.run(  # noqa: S603  # the programs of a package
            [programs / "postgres", "--version"], capture_output=True, text=True, check=True
        )
        about["postgresql"] = told.stdout.split()[2]
    return about


def _fsync(folder: Path) -> float:
    seconds = []
    with (folder / "probe").open("wb", buffering=0) as file:
        for _ in range(_SYNCS):
            started = time.perf_counter()
            file.write(bytes(1_000))
            os.fsync(file.fileno())
            seconds.append(time.perf_counter() - started)
    return median(seconds)


if __name__ == "__main__":
    sys.exit(main())
