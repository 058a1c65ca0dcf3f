"""RESULTS.md and results.json: one section a measurement, replaced when it is measured again."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_SECTION: Final = re.compile(r"^<!-- (\w+)(?:, (\d+) s)? -->\n", re.MULTILINE)
_HEADING: Final = re.compile(r"^(?=#)", re.MULTILINE)
_INTRODUCTION: Final = """\
# Measurements

Written by `make bench`, which is `python -m benchmarks`; each section says what gave it and on
which machine, and is replaced when it is measured again. All that `make bench` measures takes
{minutes} minutes.
"""


@dataclass(frozen=True)
class Result:
    """What a measurement told: the command, its seconds, its page of Markdown, its figures."""

    command: str
    seconds: float
    page: str
    figures: Any

    @classmethod
    def of(cls, command: str, seconds: float, page: str, file: Path) -> "Result":
        """Return what was printed, and written to a JSON file if the measurement writes one."""
        figures = json.loads(file.read_text(encoding="utf-8")) if file.exists() else None
        return cls(command, seconds, page, figures)


def keep(name: str, result: Result, folder: Path, usual: Sequence[str]) -> None:
    """Put a result in the place of an earlier one of its name, and leave all others.

    Parameters
    ----------
    folder : Path
        Of RESULTS.md and results.json, which are made if they are not there.
    usual : sequence of str
        The measurements whose time counts as that of the whole, which come first and in order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / "RESULTS.md"
    sections = _sections(page.read_text(encoding="utf-8") if page.exists() else "")
    heading, _, rest = _deeper(result.page).strip().partition("\n")
    if not heading.startswith("#"):
        heading, rest = f"## {name.capitalize()}", f"{heading}\n{rest}"
    text = f"{heading}\n\n`{result.command}`, {result.seconds:.0f} s.\n\n{rest.strip()}\n"
    sections[name] = (round(result.seconds), text)
    order = [*(each for each in usual if each in sections), *sections]
    minutes = sum(sections[each][0] or 0 for each in usual if each in sections) / 60
    parts = [_INTRODUCTION.format(minutes=f"{minutes:.0f}")]
    for each in dict.fromkeys(order):
        seconds, text = sections[each]
        mark = each if seconds is None else f"{each}, {seconds} s"
        parts.append(f"<!-- {mark} -->\n{text}")
    page.write_text("\n".join(parts), encoding="utf-8")
    _keep_figures(name, result, folder / "results.json")


def _sections(page: str) -> dict[str, tuple[int | None, str]]:
    """Return the seconds, if they are known, and the text of each section of a page."""
    _, *parts = _SECTION.split(page)
    triples = zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    return {
        name: (int(took) if took else None, text.strip() + "\n") for name, took, text in triples
    }


def _deeper(page: str) -> str:
    """Return a page as a section of another: each heading one level down."""
    return _HEADING.sub("#", page)


def _keep_figures(name: str, result: Result, file: Path) -> None:
    figures = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    figures[name] = {
        "command": result.command,
        "seconds": round(result.seconds, 1),
        "found": result.figures,
    }
    file.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
