"""What a person sees in a terminal: results on stdout, progress and errors on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from imgcap.batches import Outcome
from imgcap.images import printable
from imgcap.inference import Description, ModelEvent
from imgcap.inference.summary import percent

T = TypeVar("T")


def print_outcome(outcome: Outcome, top: int, *, as_json: bool) -> None:
    """Write one result at once: JSON to stdout, or text to stdout and its error to stderr."""
    if as_json:
        # ASCII: any terminal, any locale, and names that are no Unicode survive it.
        typer.echo(json.dumps(outcome.as_dict(top)))
    elif outcome.description is None:
        typer.echo(f"imgcap: {outcome.error}", err=True)
    else:
        for line in _human_lines(outcome.file, outcome.description, top):
            typer.echo(printable(line))
    sys.stdout.flush()


def _human_lines(file: str, description: Description, top: int) -> Iterator[str]:
    yield file
    if description.caption:
        yield f"  {description.caption}"
    best = description.predictions[:top]
    width = max((len(prediction.label) for prediction in best), default=0)
    for prediction in best:
        yield f"    {prediction.label:<{width}}  {percent(prediction.score):>9}"
    if description.summary:
        yield f"  {description.summary}"
    yield ""


class StatusBar:
    """A progress bar on stderr, if that is a terminal; never a byte on stdout."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._shown = console.is_terminal
        self._told: set[str] = set()
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not self._shown,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("Describing", total=None)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away and leave no trace of it."""
        self._progress.stop()

    def count(self, sources: Iterable[T]) -> Iterable[T]:
        """Learn the total, where someone is watching; else let the sources come one by one."""
        if not self._shown:
            return sources
        listed = list(sources)
        self._progress.update(self._task, total=len(listed))
        return listed

    def advance(self) -> None:
        """Count one more picture as done."""
        self._progress.advance(self._task)

    @contextmanager
    def aside(self, *, error: bool) -> Iterator[None]:
        """Take the bar away while something is written to the same terminal."""
        shared = self._shown and (error or sys.stdout.isatty())
        if shared:
            self._progress.stop()
        try:
            yield
        finally:
            if shared:
                self._progress.start()

    def tell(self, event: ModelEvent) -> None:
        """Show what a model is doing; from whatever thread loads it."""
        words = {"download": "Downloading", "load": "Loading"}.get(event.stage)
        share = f" ({100 * event.done // event.total} %)" if event.total else ""
        text = f"{words} {event.checkpoint}{share}" if words else "Describing"
        self._progress.update(self._task, description=text)
        if event.stage == "download" and not self._shown and event.checkpoint not in self._told:
            # Minutes of silence look like a hang, in a log as well.
            self._told.add(event.checkpoint)
            typer.echo(f"imgcap: Downloading {event.checkpoint}", err=True)
