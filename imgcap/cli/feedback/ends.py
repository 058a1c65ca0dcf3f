"""How the feedback commands open their store, and how they end."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING, Final

from imgcap.cli.common import FAILED, INTERRUPTED, failure, read_settings, tell
from imgcap.settings import Settings

if TYPE_CHECKING:
    from imgcap.feedback import FeedbackError, Store

NONE_YET: Final = "There is no feedback yet."
NONE_FOUND: Final = "No feedback matches."
_MOST_TOLD: Final = 5


@contextmanager
def opened(url: str | None = None) -> Iterator[tuple["Store", Settings]]:
    """Give the store at an address, by default that of the settings; a failure ends the command."""
    from imgcap.feedback import open_store_at

    settings = read_settings()
    with told(), closing(open_store_at(settings.feedback if url is None else url)) as store:
        yield store, settings


@contextmanager
def told(
    failed: "Callable[[FeedbackError], str]" = str, stopped: Callable[[], str] | None = None
) -> Iterator[None]:
    """End the command with one sentence when feedback fails, or when it is interrupted.

    Parameters
    ----------
    failed : callable
        Makes the sentence of a failure.
    stopped : callable, optional
        Makes the sentence of an interruption; by default there is none.
    """
    from imgcap.feedback import FeedbackError

    try:
        yield
    except FeedbackError as error:
        raise failure(failed(error), FAILED) from error
    except KeyboardInterrupt as error:
        if stopped is None:
            raise
        raise failure(stopped(), INTERRUPTED) from error


def tell_unreadable(sentences: Sequence[str]) -> None:
    """Say on stderr which stored rows are left out, a few of many."""
    for sentence in sentences[:_MOST_TOLD]:
        tell(sentence)
    if len(sentences) > _MOST_TOLD:
        tell(f"{len(sentences) - _MOST_TOLD:,} more cannot be read either.")


def counted(number: int, name: str) -> str:
    """Return a number of things in words: ``1 record``, ``1,200 records``."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"
