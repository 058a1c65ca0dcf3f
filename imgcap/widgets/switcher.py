"""Changing the models of an open page: the new ones are loaded before the old ones go."""

import threading
from typing import cast

from pydantic import ValidationError

from imgcap.inference import CancelledError, EngineError, ModelEvent, open_engine
from imgcap.settings import Settings
from imgcap.widgets.state import AppState


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

    def switch(self, classifier: str, captioner: str) -> None:
        """Begin to load; `state.switched` gets a sentence when it is over.

        Raises
        ------
        EngineError
            If another choice is still being loaded.
        """
        state = self._state
        if state.switching:
            raise EngineError("Other models are being loaded: wait, or cancel that first.")
        choice = {"classifier": classifier, "captioner": captioner}
        try:
            settings = Settings.model_validate(state.settings.model_dump() | choice)
        except ValidationError as error:
            raise EngineError("These names cannot be used for models.") from error
        self._cancelled = threading.Event()
        state.switched = ""
        state.switching = {role: ModelEvent(role, name, "waiting") for role, name in choice.items()}  # type: ignore[arg-type]
        threading.Thread(target=self._load, args=(settings,), daemon=True).start()

    def cancel(self) -> None:
        """Break off the download; a model that is already being read finishes first."""
        self._cancelled.set()

    def _load(self, settings: Settings) -> None:
        state = self._state
        engine = open_engine(settings, self._tell)
        try:
            engine.load(cancel=self._cancelled.is_set)
            if self._cancelled.is_set():
                raise CancelledError  # noqa: TRY301  # as if the engine had noticed it
        except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
            engine.close()
            self._finish(f"{state.sentence(problem)} The models from before go on answering.")
            return
        with state.lock:
            old, state.engine = state.engine, engine
            state.settings = settings
            state.models = cast("dict[str, ModelEvent]", {**engine.models})
            self._finish("The chosen models are in use.")
        old.close()

    def _tell(self, event: ModelEvent) -> None:
        state = self._state
        with state.lock:
            if state.switching:
                state.switching = {**state.switching, event.role: event}
            else:
                state.tell_model(event)

    def _finish(self, told: str) -> None:
        with self._state.lock:
            self._state.switching = {}
            self._state.switched = told
