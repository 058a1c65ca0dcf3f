"""What every measurement has in common: its options, and its page of Markdown and file of JSON."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table as RichTable

from benchmarks.machine import machine, machine_line

_WIDTH: Final = 400  # no table is wrapped
_MANY: Final = 10
_FEW: Final = 1


@dataclass(frozen=True)
class Table:
    """Rows of cells under columns; the heading may be empty."""

    heading: str
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


@dataclass(frozen=True)
class Report:
    """What was measured.

    Parameters
    ----------
    title : str
        Heading of the page.
    sentences : sequence of str
        What the figures are, and what they are not.
    tables : sequence of Table
        In the order of the page.
    figures : mapping
        All that was measured, as plain values for JSON.
    """

    title: str
    sentences: Sequence[str]
    tables: Sequence[Table]
    figures: Mapping[str, Any] = field(default_factory=dict)

    def markdown(self) -> str:
        """Return the page."""
        parts = [f"# {self.title}\n", " ".join(self.sentences), f"\nOn: {machine_line()}.\n"]
        for table in self.tables:
            parts += [f"## {table.heading}\n"] if table.heading else []
            parts.append(markdown(table.columns, table.rows))
        return "\n".join(parts)


def parser(name: str, description: str | None, rounds: int = 5) -> argparse.ArgumentParser:
    """Return the options that all measurements take; `name` is the module's."""
    options = argparse.ArgumentParser(prog=f"python -m {name}", description=description)
    options.add_argument("--rounds", type=int, default=rounds, help=f"rounds (default: {rounds})")
    options.add_argument("--json", type=Path, help="where to write all figures")
    return options


def publish(report: Report, file: Path | None) -> None:
    """Print the page, and write the figures to a file if one is given."""
    print(report.markdown())
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        figures = {"machine": machine(), **report.figures}
        file.write_text(json.dumps(figures, indent=2) + "\n")


def markdown(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a table in Markdown."""
    table = RichTable(*columns, box=box.MARKDOWN)
    for row in rows:
        table.add_row(*(str(cell).replace("|", "\\|") for cell in row))
    console = Console(file=StringIO(), width=_WIDTH, markup=False)
    with console.capture() as capture:
        console.print(table)
    lines = (line.strip() for line in capture.get().splitlines())
    return "\n".join(filter(None, lines)) + "\n"


def decimal(value: float) -> str:
    """Return a figure with two or three digits that count."""
    if value >= _MANY:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= _FEW else f"{value:.2f}"
