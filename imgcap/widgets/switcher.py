"""Changing the models of an open page: the new ones are loaded before the old ones go."""

import threading

from imgcap.inference import CancelledError, Engine, EngineError, ModelEvent, open_engine
from imgcap.settings import Settings
from imgcap.widgets.state import AppState, events

IN_USE = "The chosen models are in use."


class Switcher:
    """Loads chosen models in a thread and puts them in place when they work.

    Until then, and whenever a choice fails or is cancelled, the models from before answer.

    Parameters
    ----------
    state : AppState
        Its `switching` says how far the loading is; its `engine` is replaced.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._cancelled = threading.Event()
        self._candidate: Engine | None = None

    def switch(self, classifier: str, captioner: str) -> None:
        """Begin to load; `state.switched` gets a sentence when it is over.

        Raises
        ------
        EngineError
            If another choice is still being loaded, or an inference service has the models.
        """
        state = self._state
        if state.settings.engine != "local":
            raise EngineError(
                "The models are those of the inference service: who runs it chooses them."
            )
        choice = {"classifier": classifier, "captioner": captioner}
        settings = state.settings.model_copy(update=choice)
        with state.lock:
            if state.switching:
                raise EngineError("Other models are being loaded: wait, or cancel that first.")
            self._cancelled = threading.Event()
            state.switched = ""
            state.switching = {
                "classifier": ModelEvent("classifier", classifier, "waiting"),
                "captioner": ModelEvent("captioner", captioner, "waiting"),
            }
        threading.Thread(target=self._load, args=(settings,), daemon=True).start()

    def cancel(self) -> None:
        """Break off the download; a model that is already being read finishes first."""
        self._cancelled.set()

    def _load(self, settings: Settings) -> None:
        state = self._state
        try:
            engine = self._open(settings)
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            told = f"{state.sentence(problem)} The models from before go on answering."
            state.guarded(self._finish)(told)
            return
        old = state.engine
        state.guarded(self._adopt)(engine, settings)
        old.close()

    def _open(self, settings: Settings) -> Engine:
        engine = open_engine(settings, self._tell, like=self._state.engine)
        self._candidate = engine
        try:
            engine.load(cancel=self._cancelled.is_set)
            if self._cancelled.is_set():
                raise CancelledError  # noqa: TRY301  # as if the engine had noticed it
        except BaseException:
            engine.close()
            raise
        return engine

    def _tell(self, event: ModelEvent) -> None:
        state = self._state
        with state.lock:
            if self._candidate is not None:
                state.switching = events(self._candidate)
            state.tell_model(event)

    def _adopt(self, engine: Engine, settings: Settings) -> None:
        state = self._state
        state.settings = settings
        state.engine = engine
        state.models = events(engine)
        self._finish(IN_USE)

    def _finish(self, told: str) -> None:
        self._candidate = None
        self._state.switching = {}
        self._state.switched = told
