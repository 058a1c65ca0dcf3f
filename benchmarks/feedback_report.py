"""What was measured of the ways to keep feedback, as a page of tables in Markdown."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Final

from benchmarks.feedback_clock import Crowd, Measurement
from benchmarks.feedback_ways import GRID_ROWS
from benchmarks.report import decimal, markdown

APPEND, EXTEND, SHOW = "append", "extend", "show"
_HEADINGS: Final = {
    APPEND: "One record at a time: records a second, by how many are there",
    EXTEND: "Many at once: records a second, on the way to so many",
    SHOW: f"Open, count and get {GRID_ROWS} records for the grid: ms, by how many are there",
}
_INTRODUCTION: Final = """\
# Feedback stores

The ways took turns in every round; figures are medians over the turns.

- A store says that a record is stored once it is on disk. The store was open already, as a page's
  is; “open” is a new page's first look, in a program that has loaded its libraries.
- “pandas, file rewritten” is what the first version of the app did: read the CSV file whole, add a
  row, write it whole, with its two columns or with all that a record has now. It does not wait for
  the disk, and its “open” is the reading alone.
- MongoDB's own server was not measured: SecantusDB, which speaks its protocol, stood in for it.
"""


def report(
    measurements: Sequence[Measurement], crowds: Sequence[Crowd], about: Mapping[str, object]
) -> str:
    """Return the page; `about` says what it was measured on."""
    facts = ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in about.items())
    parts = [_INTRODUCTION, f"Measured on: {facts}.\n"]
    for task, heading in _HEADINGS.items():
        of_task = [each for each in measurements if each.task == task]
        parts += [f"## {heading}\n", _by_rows(of_task)]
    heading = f"## {crowds[0].processes} processes at once: records a second"
    parts += [f"{heading}, and what became of all\n", _at_once(crowds)]
    return "\n".join(parts)


def _by_rows(measurements: Sequence[Measurement]) -> str:
    sizes = sorted({each.rows for each in measurements})
    rows = []
    for way in dict.fromkeys(each.way for each in measurements):
        found = {each.rows: _figure(each) for each in measurements if each.way == way}
        rows.append((way, *(found.get(size, "") for size in sizes)))
    return markdown(("", *(f"{size:,}" for size in sizes)), rows)


def _at_once(crowds: Sequence[Crowd]) -> str:
    columns = ("", "acknowledged a second", "acknowledged", "ended with an error")
    rows = []
    for each in crowds:
        counts = (f"{count:,}" for count in (each.acknowledged, each.failed, each.lost))
        rows.append((each.way, decimal(median(each.rates)), *counts))
    return markdown((*columns, "acknowledged, but lost"), rows)


def _figure(measurement: Measurement) -> str:
    seconds = measurement.median
    return decimal(1000 * seconds if measurement.task == SHOW else 1 / seconds)
