"""Loading a checkpoint by itself, as it can be taught: in float32, by torch, in this process."""

from typing import TYPE_CHECKING

import torch

from imgcap.inference.cores import usable_threads
from imgcap.inference.errors import EngineError
from imgcap.inference.events import Cancel, Role
from imgcap.inference.in_use import InUse
from imgcap.inference.loading import Listener, Loader
from imgcap.settings import Settings

if TYPE_CHECKING:
    from imgcap.inference.loaded import Loaded


def load_teachable(
    role: Role,
    settings: Settings,
    adapter: str = "",
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> "Loaded":
    """Load the checkpoint that the settings name for a role.

    Parameters
    ----------
    adapter : str
        Which adapter it answers with, adopted or not; by default none.

    Raises
    ------
    EngineError
        If the adapter cannot be used.
    ModelError, CancelledError
        As the engine does.
    """
    torch.set_num_threads(usable_threads())
    in_use = InUse(settings.adapters)
    in_use.trying[role] = adapter
    plain = settings.model_copy(update={"device": "cpu", "dtype": "float32", "runtime": "torch"})
    loaded = Loader(role, plain, listener or (lambda _: None), in_use).get(cancel)
    if adapter and loaded.adapter is None:
        raise EngineError(f"The adapter “{adapter}” cannot be used.")
    return loaded
