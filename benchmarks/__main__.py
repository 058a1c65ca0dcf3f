"""All measurements, one after the other, each in a process of its own; or those that are named.

What a measurement prints becomes its section of RESULTS.md, and its figures its part of
results.json; sections of what was not measured now stay as they are. What follows `--` is given to
every measurement: `python -m benchmarks answer -- --rounds 9`.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks import seed_size
from benchmarks.results import Result, keep

_FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True)
class Part:
    """A measurement.

    Parameters
    ----------
    quick : tuple of str
        Arguments with which it only shows that it works.
    unasked : bool
        Whether it is measured unless it is left out, or only when it is named.
    """

    quick: tuple[str, ...] = ("--rounds", "1")
    unasked: bool = True


PARTS: Final = {
    "answer": Part(),
    "stages": Part(),
    "start": Part(),
    "speed": Part(("--rounds", "1", "--count", "2")),
    "kernels": Part(("--rounds", "1", "--pictures", "4", "--models", "embedded")),
    "memory": Part(("--pages", "1")),
    "decode": Part(),
    "agreement": Part(),
    "serve": Part(("--rounds", "1", "--pages", "1", "--kernels", "1")),
    "page": Part(),
    "gallery": Part(("--rounds", "1", "--count", "16")),
    "explanation": Part(("--count", "2", "--tables", "pointing")),
    # Need pictures that are not in this repository: `python -m benchmarks learning -- FOLDER`.
    "learning": Part(("--draws", "1"), unasked=False),
    "sampling": Part(("--draws", "1"), unasked=False),
    "caption_learning": Part(("--draws", "1", "--corrections", "10"), unasked=False),
    "tower_learning": Part(("--draws", "1", "--corrections", "4"), unasked=False),
    # Fills stores with a million records, which takes half an hour.
    "feedback": Part(("--quick",), unasked=False),
}
"""Each is a module of this package, in the order in which they are measured."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and return 1 if any measurement failed."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    cut = given.index("--") if "--" in given else len(given)
    options, passed = _parser().parse_args(given[:cut]), given[cut + 1 :]
    names = [
        name
        for name, part in PARTS.items()
        if (name in options.parts if options.parts else part.unasked)
        and name not in options.without
    ]
    failed = []
    with tempfile.TemporaryDirectory(prefix="benchmarks-") as folder:
        for name in names:
            asked = [*(PARTS[name].quick if options.quick else ()), *passed]
            result = _measured(name, asked, Path(folder))
            if result is None:
                failed.append(name)
                continue
            print(result.page, flush=True)
            if not options.quick:
                keep(name, result, options.results, [n for n in PARTS if PARTS[n].unasked])
    if failed:
        print(f"Failed, and not written down: {', '.join(failed)}.", file=sys.stderr)
    return int(bool(failed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    named = ", ".join(name for name, part in PARTS.items() if not part.unasked)
    parser.add_argument(
        "parts", nargs="*", choices=[*PARTS, []], help=f"default: all but {named}", metavar="PART"
    )
    parser.add_argument(
        "--without", nargs="+", choices=PARTS, default=(), metavar="PART", help="leave these out"
    )
    parser.add_argument(
        "--quick", action="store_true", help="only see whether all works, and write nothing down"
    )
    parser.add_argument(
        "--results", type=Path, default=_FOLDER, help="folder of RESULTS.md and results.json"
    )
    return parser


def _measured(name: str, arguments: Sequence[str], folder: Path) -> Result | None:
    """Run a measurement and return what it found; say so and return nothing if it fails."""
    command = ["-m", f"benchmarks.{name}", *arguments]
    print(f"{name} ...", file=sys.stderr, flush=True)
    begun = time.perf_counter()
    figures = folder / f"{name}.json"
    done = subprocess.run(  # noqa: S603  # ours
        [sys.executable, *command, "--json", figures],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=_FOLDER.parent,
        # Built once, and converted once as well, for all measurements.
        env=os.environ
        | {seed_size.VARIABLE: str(folder / "models"), "IMGCAP_CACHE": str(folder / "cache")},
    )
    seconds = time.perf_counter() - begun
    if done.returncode:
        print(done.stdout, f"{name} failed after {seconds:.0f} s.", sep="\n", file=sys.stderr)
        return None
    print(f"{name} took {seconds:.0f} s.", file=sys.stderr, flush=True)
    page = done.stdout[done.stdout.index("# ") :]  # after what Ray says of a killed replica
    return Result.of(f"python {' '.join(command)}", seconds, page, figures)


if __name__ == "__main__":
    sys.exit(main())
