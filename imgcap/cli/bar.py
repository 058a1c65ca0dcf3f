"""A progress bar that never gets in the way of what a command writes."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Self, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

T = TypeVar("T")


class Bar:
    """A progress bar on stderr, if that is a terminal; never a byte on stdout.

    Parameters
    ----------
    doing : str
        What is being done, such as "Describing".
    wanted : bool
        Whether it is shown at all: not where stdout goes on line by line to the same terminal.
    """

    def __init__(self, doing: str, *, wanted: bool = True) -> None:
        console = Console(stderr=True)
        self.shown = wanted and console.is_terminal
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            console=console,
            transient=True,
            disable=not self.shown,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task(doing, total=None)

    def __enter__(self) -> Self:
        """Show the bar."""
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away and leave no trace of it."""
        self._progress.stop()

    def say(self, doing: str) -> None:
        """Show what is being done; from any thread."""
        self._progress.update(self._task, description=doing)

    def expect(self, total: int) -> None:
        """Show how many there will be."""
        self._progress.update(self._task, total=total)

    def show(self, done: int, total: int) -> None:
        """Show how many of how many are done."""
        self._progress.update(self._task, completed=done, total=total)

    def advance(self, by: int = 1) -> None:
        """Count so many more as done."""
        self._progress.advance(self._task, by)

    def over(self, things: Iterable[T]) -> Iterator[T]:
        """Yield the things, counting each as done when the next is asked for."""
        for thing in things:
            yield thing
            self.advance()

    @contextmanager
    def aside(self, *, error: bool) -> Iterator[None]:
        """Take the bar away while something is written to the same terminal."""
        shared = self.shown and (error or sys.stdout.isatty())
        if shared:
            self._progress.stop()
        try:
            yield
        finally:
            if shared:
                self._progress.start()
