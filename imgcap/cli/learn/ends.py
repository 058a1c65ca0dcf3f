"""How commands that learn end when something fails."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from imgcap.cli.common import FAILED, failure
from imgcap.cli.feedback.ends import told


@contextmanager
def told_all(stopped: Callable[[], str] | None = None) -> Iterator[None]:
    """End the command with one sentence on any failure of feedback, model or adapter."""
    from imgcap.inference import EngineError

    try:
        with told(stopped=stopped):
            yield
    except EngineError as error:
        raise failure(str(error), FAILED) from error
