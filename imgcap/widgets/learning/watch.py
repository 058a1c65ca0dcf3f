"""Noticing which adapters answer, whoever adopts or tries one."""

import threading
from typing import Final

from imgcap.inference.adapter import CARD, AdapterError
from imgcap.inference.adopted import Adopted, read_adopted
from imgcap.inference.events import Role
from imgcap.widgets.answering import Turn
from imgcap.widgets.state import AppState

ROLES: Final[tuple[Role, ...]] = ("classifier", "captioner")
SECONDS: Final = 2.0
"""Between two looks at what other programs have adopted."""


class AdapterWatch:
    """Keeps `state.adapters` up to date, for as long as the page is open.

    Parameters
    ----------
    state : AppState
        Whose engine is in this process. Its pictures are described anew when another adapter
        answers.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._ended = threading.Event()
        self.look()
        state.observe(state.guarded(self.look), "engine")
        state.observe(lambda _: self._ended.set(), "closed")
        threading.Thread(target=self._watch, name="imgcap-adapters", daemon=True).start()

    def look(self, _change: object = None) -> None:
        """Take note of which adapters answer now."""
        state = self._state
        try:
            adopted = read_adopted(state.settings.adapters)
        except AdapterError:  # of which the engine's log tells; the checkpoints answer alone
            adopted = Adopted()
        with state.lock:
            turns: dict[str, Turn] = dict(state.adapters)
            for role in ROLES:
                tried = self._tried(role)
                name = tried or adopted.by(state.engine.models[role].checkpoint)
                last = turns.get(role, Turn())
                if last.adapter != name:
                    turns[role] = Turn(name, last.number + 1)
            if turns != state.adapters:
                for shown in state.pictures:  # an adapter may change what is embedded
                    state.embeddings.forget(shown.id)
                state.adapters = turns

    def _tried(self, role: Role) -> str:
        """Return the adapter that the page tries; one that was deleted is not tried any more."""
        trying: dict[Role, str] = self._state.engine.trying
        name = trying.get(role, "")
        if name and not (self._state.settings.adapters / name / CARD).exists():
            del trying[role]
            return ""
        return name

    def _watch(self) -> None:
        while not self._ended.wait(SECONDS):
            self._state.guarded(self.look)()
