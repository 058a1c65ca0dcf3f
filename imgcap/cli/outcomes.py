"""What a person sees of `imgcap describe`: results on stdout, progress and errors on stderr."""

import json
import sys
from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import typer

from imgcap.batches import Outcome
from imgcap.cli.bar import Bar
from imgcap.cli.common import tell
from imgcap.images import printable
from imgcap.inference import Description, ModelEvent
from imgcap.percentages import percent

_DOING: Final = "Describing"
_WORDS: Final = {"download": "Downloading", "load": "Loading", "convert": "Making ready, once,"}

T = TypeVar("T")


def print_outcome(outcome: Outcome, top: int, *, as_json: bool) -> None:
    """Write one result at once: JSON to stdout, or text to stdout and its error to stderr."""
    if as_json:
        # ASCII: any terminal, any locale, and names that are no Unicode survive it.
        typer.echo(json.dumps(outcome.as_dict(top)))
    elif outcome.description is None:
        tell(outcome.error)
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


class StatusBar(Bar):
    """The bar of `imgcap describe`, which also shows what the models are doing."""

    def __init__(self) -> None:
        super().__init__(_DOING)
        self._told: set[str] = set()

    def count(self, sources: Iterable[T]) -> Iterable[T]:
        """Learn the total, where someone is watching; else let the sources come one by one."""
        if not self.shown:
            return sources
        listed = list(sources)
        self.expect(len(listed))
        return listed

    def tell(self, event: ModelEvent) -> None:
        """Show what a model is doing; from whatever thread loads it."""
        words = _WORDS.get(event.stage)
        share = f" ({100 * event.done // event.total} %)" if event.total else ""
        self.say(f"{words} {event.checkpoint}{share}" if words else _DOING)
        if event.stage == "download" and not self.shown and event.checkpoint not in self._told:
            # Minutes of silence look like a hang, in a log as well.
            self._told.add(event.checkpoint)
            tell(f"Downloading {event.checkpoint}")
