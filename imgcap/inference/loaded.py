"""A checkpoint in memory, and its turn to answer."""

import contextlib
import gc
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch

from imgcap.inference.adapter import Adapter, AdapterError
from imgcap.inference.cores import usable_threads
from imgcap.inference.errors import EngineError, ModelError

logger = logging.getLogger(__name__)

# Models load and answer one at a time. While transformers builds a model it changes torch's default
# dtype for all threads, and models that compute at once on the same cores slow each other down.
ONE_AT_A_TIME = threading.Lock()

EMBEDDED = frozenset({"align", "imgcap-grid-captioner"})
"""Architectures of the embedded checkpoints."""


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory.

    Parameters
    ----------
    name : str
        As it appears in results.
    commit : str
        On the hub, empty for a folder.
    model : transformers.PreTrainedModel
        In evaluation mode, on its device.
    processor : transformers.ProcessorMixin
        With the PIL image backend.
    device, dtype : torch.device, torch.dtype
        Of the model's weights.
    quick : callable, optional
        What computes a part of the model in place of torch; see `imgcap.inference.fast`.
    adapter : Adapter, optional
        What answers beside the checkpoint; the model's layers are already as it has them.
    """

    name: str
    commit: str
    model: Any
    processor: Any
    device: torch.device
    dtype: torch.dtype
    quick: Any = None
    adapter: Adapter | None = None

    @property
    def revision(self) -> str:
        """What answers: the checkpoint's commit, and behind a plus the adapter beside it."""
        return f"{self.commit}+{self.adapter.card.id}" if self.adapter else self.commit

    def beside(self, adapter: Adapter | None) -> "Loaded":
        """Return the same with an adapter; raises `AdapterError` if its weights do not fit."""
        weights = adapter and adapter.weights
        if adapter and weights and weights.offsets.shape[1] != width(self.model):
            raise AdapterError(f"“{adapter.card.id}” does not fit the embeddings of {self.name}.")
        return replace(self, adapter=adapter)

    def threads(self, pictures: int) -> int:
        """Return with how many threads torch computes: one for embedded models and one picture.

        Their layers are so small that two threads wait for each other longer than they work.
        Pictures a second with 1, 2, 4 kernels on two cores: 9.3, 19.0, 17.6 with one thread each,
        5.6, 16.7, 13.0 with two. Batches of eight took one thread 1.17 of the time of two.
        """
        return 1 if is_embedded(self.model) and pictures == 1 else usable_threads()


@contextlib.contextmanager
def answering(loaded: Loaded, pictures: int = 1) -> Iterator[None]:
    """Wait for the models' turn, and turn what goes wrong in it into one sentence; log the rest."""
    try:
        with ONE_AT_A_TIME:
            torch.set_num_threads(loaded.threads(pictures))
            yield
            gc.unfreeze()  # what `lean` set aside until there was a first answer
    except EngineError:
        raise
    except Exception as error:
        logger.exception("%s failed", loaded.name)
        raise ModelError(
            f"{loaded.name} failed while it was answering; it may not be made for this use, "
            "or the machine may have run out of memory."
        ) from error


def width(model: Any) -> int:
    """Return how many dimensions a classifier's embeddings have."""
    config = model.config
    return int(getattr(config, "projection_dim", None) or config.vision_config.hidden_size)


def is_embedded(model: Any) -> bool:
    """Say whether a model is of an architecture that the project trains itself."""
    return model.config.model_type in EMBEDDED
