"""Adopting, trying, taking back and deleting what was learned."""

from collections.abc import Callable
from typing import Final

import ipywidgets as widgets

from imgcap.inference.adapter import AdapterCard, read_adapter
from imgcap.learning import registry
from imgcap.widgets.elements import Message, row
from imgcap.widgets.learning.known import Known
from imgcap.widgets.learning.watch import AdapterWatch
from imgcap.widgets.learning.words import spoken
from imgcap.widgets.state import AppState

LOST: Final = (
    "What {} should answer with is damaged or gone, so it answers without: take that back, and "
    "what was used before answers again."
)
ELSEWHERE: Final = "It was made for {}, which this page does not use now."


class AdapterActions(widgets.VBox):
    """The buttons for one adapter, with the reason where one cannot be pressed.

    `repair` is a row of its own, for an adopted adapter that cannot even be looked at.

    Parameters
    ----------
    state : AppState
        Its engine tries adapters.
    watch : AdapterWatch
        Is told when another adapter answers.
    on_change : callable
        Called when something was done.
    """

    def __init__(
        self, state: AppState, watch: AdapterWatch, on_change: Callable[[], object]
    ) -> None:
        self._state = state
        self._watch = watch
        self._on_change = on_change
        self._card: AdapterCard | None = None
        self._known = Known()
        self._busy = self._asked = False
        self.adopt = widgets.Button(description="Use it from now on", icon="check")
        self.begin = widgets.Button(description="Try it on this page", icon="flask")
        self.stop = widgets.Button(description="Stop trying", icon="stop")
        self.rollback = widgets.Button(description="Roll back", icon="undo")
        self.delete = widgets.Button(description="Delete", icon="trash")
        self.really = widgets.Button(description="Delete it for good", icon="trash")
        self.keep = widgets.Button(description="Keep it", icon="times")
        self.recover = widgets.Button(description="Take it back", icon="undo")
        self.lost, self.reason, self.message = Message(), Message(), Message()
        self.repair = row(self.lost, self.recover)
        super().__init__(
            [
                self.reason,
                row(self.adopt, self.begin, self.stop, self.rollback, self.delete),
                row(self.really, self.keep),
                self.message,
            ]
        )
        for button, act in (
            (self.adopt, self._adopt),
            (self.begin, self._try),
            (self.stop, self._stop),
            (self.rollback, lambda: self._roll_back(self._chosen.checkpoint)),
            (self.recover, lambda: self._roll_back(self._known.lost(self.here))),
            (self.really, self._delete),
        ):
            button.on_click(state.guarded(lambda _, act=act: act()))
        self.delete.on_click(state.guarded(lambda _: self._ask(asked=True)))
        self.keep.on_click(state.guarded(lambda _: self._ask(asked=False)))
        self._arrange()

    @property
    def trial(self) -> AdapterCard | None:
        """The adapter that this page is trying."""
        names = self._state.engine.trying.values()
        return next((card for name in names if (card := self._known.card(name))), None)

    def show(self, card: AdapterCard | None, known: Known) -> None:
        """Offer what can be done with an adapter; None where there is none."""
        if card != self._card:
            self._asked = False
        self._card, self._known = card, known
        self._arrange()

    def _adopt(self) -> None:
        card, settings = self._chosen, self._state.settings
        self._do(
            lambda: registry.adopt(settings.adapters, card.id),
            lambda: self._state.engine.trying.pop(card.role, None),
            f"{card.checkpoint} answers with it from now on, in every open page.",
        )

    def _try(self) -> None:
        card, settings = self._chosen, self._state.settings
        self._do(
            lambda: read_adapter(settings.adapters, card.id),
            lambda: self._state.engine.trying.update({card.role: card.id}),
        )

    def _stop(self) -> None:
        self._state.engine.trying.clear()
        self._end("The page answers as before.")

    def _roll_back(self, checkpoint: str) -> None:
        settings = self._state.settings
        self._do(
            lambda: registry.rollback(settings.adapters, checkpoint),
            lambda: None,
            "What was used last is taken back, in every open page.",
        )

    def _delete(self) -> None:
        card, settings = self._chosen, self._state.settings
        self._do(
            lambda: registry.delete(settings.adapters, card.id, settings.calibration),
            lambda: None,
            f"Deleted: {spoken(card.id)}.",
        )

    @property
    def here(self) -> list[str]:
        """The checkpoints that answer on the page."""
        return [event.checkpoint for event in self._state.engine.models.values()]

    @property
    def _chosen(self) -> AdapterCard:
        if self._card is None:
            raise RuntimeError("There is no adapter to do that with.")
        return self._card

    def _do(self, work: Callable[[], object], then: Callable[[], object], told: str = "") -> None:
        """Do something with files in the background, then what follows from it."""
        self._busy = True
        self.message.clear()
        self._arrange()

        def end(_result: object) -> None:
            then()
            self._end(told)

        self._state.in_background(work, end, self._fail)

    def _end(self, told: str) -> None:
        self._watch.look()
        self._busy = self._asked = False
        self.message.tell(told)
        self._on_change()

    def _fail(self, sentence: str) -> None:
        self._busy = self._asked = False
        self.message.warn(sentence)
        self._on_change()  # what is there may be another thing than what is shown

    def _ask(self, *, asked: bool) -> None:
        self._asked = asked
        self._arrange()

    def _arrange(self) -> None:
        card, trial = self._card, self.trial
        lost = self._known.lost(self.here)
        fits = card is not None and card.checkpoint in self.here
        adopted = self._known.adopted.by(card.checkpoint) if card else ""
        is_adopted = card is not None and adopted == card.id
        tried = card is not None and trial == card
        self.adopt.disabled = self._busy or not (card and fits and card.passed) or is_adopted
        self.begin.disabled = self._busy or not fits or (is_adopted and not trial)
        self.rollback.disabled = self._busy or not adopted
        self.delete.disabled = self._busy or is_adopted or tried
        self.really.disabled = self.keep.disabled = self.recover.disabled = self._busy
        for button, shown in {
            self.recover: lost,
            self.adopt: card,
            self.begin: card and not tried,
            self.stop: trial,
            self.rollback: card and card.checkpoint != lost,
            self.delete: card and not self._asked,
            self.really: card and self._asked,
            self.keep: card and self._asked,
        }.items():
            button.layout.display = None if shown else "none"
        self.lost.warn(LOST.format(lost) if lost else "")
        self.reason.tell("" if card is None else card.sentence if fits else _elsewhere(card))


def _elsewhere(card: AdapterCard) -> str:
    return f"{card.sentence} {ELSEWHERE.format(card.checkpoint)}"
