"""Loading a chosen checkpoint when it is first needed: once, thread-safely, with events."""

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from imgcap.inference.checkpoints import display_name, local_folder
from imgcap.inference.errors import CancelledError, EngineError
from imgcap.inference.events import Cancel, ModelEvent, Role
from imgcap.inference.folders import Location, check_folder
from imgcap.inference.hub import fetch
from imgcap.inference.in_use import InUse
from imgcap.inference.lean import prepare
from imgcap.settings import Settings

if TYPE_CHECKING:
    from imgcap.inference.adapter import Adapter
    from imgcap.inference.loaded import Loaded

logger = logging.getLogger(__name__)

Listener = Callable[[ModelEvent], None]


class Loader:
    """Loads one checkpoint when it is first asked for, and keeps it.

    Threads that ask meanwhile wait for the same load. A failure is not kept: the next request
    tries again, so that a network that comes back is noticed.

    Parameters
    ----------
    role : {"classifier", "captioner"}
        What the checkpoint is for.
    settings : Settings
        Which checkpoint, device and dtype.
    listener : callable
        Told of each step as a `ModelEvent`, from the thread that loads or downloads.
    in_use : InUse, optional
        Says which adapter answers beside the checkpoint; by default the one that was adopted.
    """

    def __init__(
        self, role: Role, settings: Settings, listener: Listener, in_use: InUse | None = None
    ) -> None:
        self.role = role
        self.choice = settings.classifier if role == "classifier" else settings.captioner
        self.name = display_name(self.choice, role)
        self._settings = settings
        self._listener = listener
        self._in_use = in_use or InUse(settings.adapters)
        self._refused = ""
        self._lock = threading.Lock()
        self._loaded: Loaded | None = None
        self._event = ModelEvent(role, self.name, "waiting")

    def share(self, other: "Loader") -> None:
        """Take over what another loader has in memory, if it is what this one would load."""
        if self.wanted == other.wanted and other.loaded is not None:
            self._loaded = other.loaded
            self._event = ModelEvent(self.role, self.name, "ready")

    @property
    def wanted(self) -> tuple[object, ...]:
        """All that decides what is loaded."""
        settings = self._settings
        how = settings.device, settings.dtype, settings.runtime
        return self.role, self.choice, settings.data, *how

    @property
    def loaded(self) -> "Loaded | None":
        """The model if it is in memory; never waits."""
        return self._loaded

    @property
    def event(self) -> ModelEvent:
        """The latest step."""
        return self._event

    def get(self, cancel: Cancel | None = None) -> "Loaded":
        """Return the model with the adapter that answers now, loading it first if need be.

        Raises
        ------
        ModelError
            If it cannot be found, fetched or loaded, or is not a model for this role.
        CancelledError
            If `cancel` said so during a download or before the files are read.
        """
        loaded = self._loaded
        if loaded is None or _id(loaded.adapter) != _id(self._adapter(loaded.commit)):
            with self._lock:
                loaded = self._loaded = self._adapted(self._loaded) or self._load(cancel)
        return loaded

    def close(self) -> None:
        """Forget the model; the next request loads it again."""
        with self._lock:
            self._loaded = None
            self._tell(ModelEvent(self.role, self.name, "waiting"))

    def _adapter(self, commit: str) -> "Adapter | None":
        """Return the adapter that answers now, unless it could not be used before."""
        adapter = self._in_use.adapter(self.name, self.role, commit)
        return None if _id(adapter) == self._refused else adapter

    def _refuse(self, adapter: "Adapter | None", error: EngineError) -> None:
        logger.warning("%s %s answers without it.", error, self.name)
        self._refused = _id(adapter)

    def _adapted(self, loaded: "Loaded | None") -> "Loaded | None":
        """Return what is loaded with the adapter that answers now, None if it must be read anew.

        What a lora adapter has changed in the layers is never taken back by computing: only what
        is read from the files again gives the same answers to the bit.
        """
        if loaded is None:
            return None
        adapter = self._adapter(loaded.commit)
        if _id(adapter) == _id(loaded.adapter):
            return loaded
        if any(each and each.lora for each in (adapter, loaded.adapter)):
            return None
        try:
            return loaded.beside(adapter)
        except EngineError as error:
            self._refuse(adapter, error)
            return loaded.beside(None)

    def _load(self, cancel: Cancel | None) -> "Loaded":
        self._loaded = None  # two of them might be too much for the memory
        try:
            location = self._locate(cancel)
            if cancel is not None and cancel():
                raise CancelledError
            self._tell(ModelEvent(self.role, self.name, "load"))
            prepare()
            loaded = self._read(location, cancel)
        except EngineError as error:
            self._tell(ModelEvent(self.role, self.name, "failed", message=str(error)))
            raise
        self._tell(ModelEvent(self.role, self.name, "ready"))
        return loaded

    def _read(self, location: Location, cancel: Cancel | None) -> "Loaded":
        from imgcap.inference.adapter import AdapterError
        from imgcap.inference.fast import Wanted, accelerate
        from imgcap.inference.pretrained import load

        adapter = self._adapter(location.revision)
        try:
            loaded = load(self.name, location, self.role, self._settings, adapter)
        except AdapterError as error:
            self._refuse(adapter, error)
            loaded = load(self.name, location, self.role, self._settings)
        if loaded.adapter and loaded.adapter.lora:  # what is converted knows plain checkpoints only
            return loaded
        wanted = Wanted.of(loaded, location, self.role, self._settings)
        return accelerate(loaded, wanted, self._settings.cache, cancel, self._tell_of_conversion)

    def _locate(self, cancel: Cancel | None) -> Location:
        folder = local_folder(self.choice, self.role, self._settings)
        if folder is not None:
            return check_folder(folder, self.role)

        def progress(done: int, total: int) -> None:
            self._tell(ModelEvent(self.role, self.name, "download", done, total))

        return fetch(self.choice, self.role, progress, cancel)

    def _tell_of_conversion(self) -> None:
        self._tell(ModelEvent(self.role, self.name, "convert"))

    def _tell(self, event: ModelEvent) -> None:
        self._event = event
        try:
            self._listener(event)
        except Exception:
            logger.exception("A listener of model events failed.")


def _id(adapter: "Adapter | None") -> str:
    return adapter.card.id if adapter else ""
