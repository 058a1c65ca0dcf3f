"""What measurements of learning share: their options, and how they write a gain."""

import argparse
from pathlib import Path


def parser(
    name: str,
    description: str | None,
    draws: int,
    data: str = "folder of the sets, each a .tar with labels.csv",
) -> argparse.ArgumentParser:
    """Return the options that all of them take; `name` is the module's, `data` what it reads."""
    options = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=description)
    options.add_argument("data", type=Path, help=data)
    options.add_argument(
        "--draws", type=int, default=draws, help="how many draws (default: %(default)s)"
    )
    options.add_argument("--json", type=Path, default=Path(f"benchmarks/{name}.json"))
    return options


def points(mean: float, low: float, high: float) -> str:
    """Write a gain in accuracy, and its interval, in points."""
    return f"{100 * mean:+.1f} ({100 * low:+.1f} to {100 * high:+.1f})"
