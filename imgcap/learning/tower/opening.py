"""A picture tower as it is taught, and the pictures that teach it or measure it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference.errors import EngineError
from imgcap.inference.events import Cancel
from imgcap.learning.kept import reopened
from imgcap.learning.teachable import load_teachable
from imgcap.settings import Settings

if TYPE_CHECKING:
    from PIL import Image

    from imgcap.inference.loaded import Loaded


def load_tower(settings: Settings, adapter: str = "", *, cancel: Cancel | None = None) -> "Loaded":
    """Load the classifier in float32, as it can be taught.

    Parameters
    ----------
    adapter : str
        Which adapter it sees with, adopted or not; by default none.

    Raises
    ------
    EngineError
        If it runs elsewhere, or the adapter cannot be used.
    ModelError, CancelledError
        As the engine does.
    """
    if settings.engine != "local":
        raise EngineError(
            "A picture tower is taught where it runs: on the inference service's machine."
        )
    return load_teachable("classifier", settings, adapter, cancel=cancel)


def opened(records: Iterable[FeedbackRecord], settings: Settings) -> "Iterator[Image.Image | None]":
    """Yield each record's picture as it was judged; None where it cannot be opened any more."""
    folder = PictureFolder(settings.pictures)
    for record in records:
        found = reopened(record, folder, settings)
        yield found and found[1]
