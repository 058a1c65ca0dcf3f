"""What the page is doing, how far it is, and what went wrong; with cancel and try again."""

import ipywidgets as widgets

from imgcap.inference import ModelEvent
from imgcap.inference.events import ON_THE_WAY
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.elements import Message, Progress, row, with_classes
from imgcap.widgets.state import AppState

_MEGA = 10**6


class StatusPanel(widgets.VBox):
    """One line for what is being done, with progress over the pictures, and one for errors.

    Parameters
    ----------
    state : AppState
        What is shown.
    analyst : Analyst
        Who is asked to stop or to try again.
    """

    def __init__(self, state: AppState, analyst: Analyst) -> None:
        super().__init__()
        with_classes(self, "status")
        self._state = state
        self.line, self.error = Message(), Message()
        self.progress = Progress("Progress of the models")
        self.cancel = widgets.Button(description="Cancel", icon="stop")
        self.retry = widgets.Button(description="Try again", icon="refresh")
        self.dismiss = widgets.Button(description="Dismiss", icon="times")
        self.cancel.on_click(state.guarded(lambda _: analyst.cancel()))
        self.retry.on_click(state.guarded(lambda _: analyst.retry()))
        self.dismiss.on_click(state.guarded(lambda _: state.set_trait("error", "")))
        self.work = row(self.line, self.progress, self.cancel, self.retry)
        self.trouble = row(self.error, self.dismiss)
        self.children = [self.work, self.trouble]
        state.observe(
            state.guarded(self._show), ["working", "statuses", "models", "paused", "error"]
        )
        self._show()

    def _show(self, _change: object = None) -> None:
        state = self._state
        answered = [status not in {"waiting", "working"} for status in state.statuses.values()]
        failed = any(
            status not in {"waiting", "working", "done"} for status in state.statuses.values()
        )
        event = next((e for e in state.models.values() if e.stage in ON_THE_WAY), None)
        self.line.tell(self._sentence(event, answered))
        _show(self.progress, shown=bool(event or state.working))
        self.progress.show(event_fraction(event) if event else _share(answered))
        _show(self.cancel, shown=not state.paused and bool(state.working or event))
        idle = not state.working and event is None
        _show(self.retry, shown=idle and (state.paused or failed or self._lacks_model()))
        self.error.warn(state.error)
        _show(self.trouble, shown=bool(state.error))

    def _sentence(self, event: ModelEvent | None, answered: list[bool]) -> str:
        if self._state.paused and (event or self._state.working):
            return "Stopping after this step …"
        if event:
            return loading_sentence(event)
        if self._state.working:
            count = f" ({sum(answered) + 1} of {len(answered)})" if len(answered) > 1 else ""
            return f"{self._state.working}{count} …"
        if self._state.paused and not all(answered):
            return "Cancelled; what was answered so far is kept."
        return self._readiness()

    def _readiness(self) -> str:
        if self._lacks_model():
            return "Not every model answers."
        if any(event.stage == "waiting" for event in self._state.models.values()):
            return "The models load when they are first needed."
        return "Ready."

    def _lacks_model(self) -> bool:
        return any(event.stage == "failed" for event in self._state.models.values())


def loading_sentence(event: ModelEvent) -> str:
    """Say how far a model is on its way into memory."""
    match event.stage:
        case "download":
            total = f" of {event.total / _MEGA:,.0f}" if event.total else ""
            return f"Downloading {event.checkpoint}: {event.done / _MEGA:,.0f}{total} MB …"
        case "load":
            return f"Loading {event.checkpoint} …"
        case "convert":
            return f"Making {event.checkpoint} ready for this machine, once …"
        case "failed":
            return event.message
        case _:
            return f"{event.checkpoint} is ready." if event.stage == "ready" else ""


def event_fraction(event: ModelEvent | None) -> float | None:
    """Return how much of a download has arrived, in 0..1; None as long as that is unknown."""
    return min(1.0, event.done / event.total) if event and event.total else None


def _share(answered: list[bool]) -> float:
    return sum(answered) / max(1, len(answered))


def _show(widget: widgets.Widget, *, shown: bool) -> None:
    widget.layout.display = None if shown else "none"
