"""A picture tower as it is taught, and the pictures that teach it or measure it."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import torch

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference.cores import usable_threads
from imgcap.inference.errors import EngineError
from imgcap.inference.events import Cancel
from imgcap.inference.in_use import InUse
from imgcap.inference.loading import Loader
from imgcap.learning.kept import reopened
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
    torch.set_num_threads(usable_threads())
    in_use = InUse(settings.adapters)
    in_use.trying["classifier"] = adapter
    plain = settings.model_copy(update={"device": "cpu", "dtype": "float32", "runtime": "torch"})
    loaded = Loader("classifier", plain, lambda _: None, in_use).get(cancel)
    if adapter and loaded.adapter is None:
        raise EngineError(f"The adapter “{adapter}” cannot be used.")
    return loaded


def opened(records: Iterable[FeedbackRecord], settings: Settings) -> "Iterator[Image.Image | None]":
    """Yield each record's picture as it was judged; None where it cannot be opened any more."""
    folder = PictureFolder(settings.pictures)
    for record in records:
        found = reopened(record, folder, settings)
        yield found and found[1]
