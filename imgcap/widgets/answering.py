"""Who answers on a page: checkpoints, and the adapters beside them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from imgcap.inference.events import Role

if TYPE_CHECKING:
    from imgcap.widgets.state import AppState


@dataclass(frozen=True)
class Turn:
    """The adapter that answers, empty for none, and how many changes there were before."""

    adapter: str = ""
    number: int = 0


def turn(state: "AppState", role: Role) -> int:
    """Return how often another adapter has come to answer.

    It grows also when one answers again that answered before: an answer that came about the time of
    a change may be of either, so none is taken for one that is asked for now.
    """
    last: Turn = state.adapters.get(role, Turn())
    return last.number


def answerer(state: "AppState", role: Role) -> str:
    """Return what names who answers: another name after every change of checkpoint or adapter."""
    checkpoint: str = state.engine.models[role].checkpoint
    return f"{checkpoint} ({turn(state, role)})"
