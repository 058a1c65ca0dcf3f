"""Starting the page of a kernel; the page that it had before makes room."""

from imgcap.widgets.analyst import Analyst
from imgcap.widgets.state import AppState

_running: list[tuple[AppState, Analyst]] = []


def start() -> tuple[AppState, Analyst]:
    """Return the state of a new page, and the thread that answers its question.

    Where a notebook's cells are run again, the page from before ends: its work is broken off, its
    panels vanish, its models and pictures are freed.
    """
    while _running:
        state, analyst = _running.pop()
        analyst.close()
        state.close()
    state = AppState()
    _running.append((state, Analyst(state)))
    return _running[0]
