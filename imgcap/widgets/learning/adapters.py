"""What was learned so far: which adapters there are, and what the chosen one changes."""

from typing import TYPE_CHECKING, Final

import ipywidgets as widgets

from imgcap.charts.learning import learning_figure
from imgcap.inference.adapter import AdapterCard
from imgcap.inference.label_weights import label_key
from imgcap.labels import check_labels
from imgcap.widgets.browser import ChartImages
from imgcap.widgets.elements import Message, markup, plain, row
from imgcap.widgets.figures import living, redraw
from imgcap.widgets.learning.actions import AdapterActions
from imgcap.widgets.learning.figures import compared, measured
from imgcap.widgets.learning.known import ChangedAnswer, Known, changed_answers
from imgcap.widgets.learning.words import changes, listed, moment
from imgcap.widgets.state import AppState

if TYPE_CHECKING:
    from plotly import graph_objects as go

NOT_MEASURED: Final = "Nothing was measured of it in a way that can be drawn."
REMOVE: Final = "“imgcap learn delete” removes what is damaged."
_MOST_NAMED: Final = 5


class AdapterList(widgets.VBox):
    """All adapters as a table, and one of them with what was measured of it.

    Parameters
    ----------
    state : AppState
        Gets labels that were learned and are not asked for.
    actions : AdapterActions
        What can be done with the chosen one.
    """

    def __init__(self, state: AppState, actions: AdapterActions) -> None:
        self._state = state
        self._actions = actions
        self._known = Known()
        self._filling = False
        self._looked_at = ""
        self.figure: go.FigureWidget | None = None
        self.table, self.measured, self.changes = markup(), markup(), markup()
        self.problems, self.lacking = Message(), Message()
        self.choice = widgets.Dropdown(description="Look at")
        self.ask = widgets.Button(description="Ask for these too", icon="plus")
        self.drawing = widgets.VBox()
        super().__init__(
            [
                self.table,
                self.problems,
                self._actions.repair,
                self.choice,
                self._actions,
                row(self.lacking, self.ask),
                self.measured,
                self.drawing,
                self.changes,
            ]
        )
        self.choice.observe(state.guarded(self._choose), "value")
        self.ask.on_click(state.guarded(self._ask))
        state.observe(state.guarded(self._show_lacking), "labels")
        state.observe(state.guarded(self._look), "adapters")
        state.observe(state.guarded(self._draw), "dark")
        self._look()

    def show(self, known: Known, choose: str = "") -> None:
        """Show what there is; `choose` is looked at from now on."""
        self._known = known
        self.table.value = listed(
            known.cards, {card.id: self._use_of(card) for card in known.cards}, known.deleted
        )
        self.problems.warn(" ".join((*known.problems, REMOVE) if known.problems else ()))
        wanted = choose or self.choice.value
        names = [card.id for card in known.cards]
        self._filling = True
        with self.choice.hold_sync():
            self.choice.options = [(moment(name), name) for name in names]
            if names:
                self.choice.value = wanted if wanted in names else names[0]
        self._filling = False
        self._look()

    @property
    def card(self) -> AdapterCard | None:
        """The adapter that is looked at."""
        return self._known.card(self.choice.value or "")

    def _use_of(self, card: AdapterCard) -> str:
        if self._actions.trial == card:
            return "tried on this page"
        if self._known.adopted.by(card.checkpoint) == card.id:
            return "answers in every page"
        return "may be used" if card.passed else "not shown to be better"

    def _choose(self, _change: object) -> None:
        if not self._filling:
            self._actions.message.clear()
            self._look()

    def _look(self, _change: object = None) -> None:
        card = self.card
        self.choice.layout.display = None if card else "none"
        self._actions.show(card, self._known)
        self._show_lacking()
        self.measured.value = measured(card.figures) if card else ""
        self._draw()
        name = card.id if card else ""
        if name == self._looked_at:
            return
        self._looked_at = name
        self.changes.value = ""
        if card:
            self._state.in_background(
                lambda: changed_answers(self._state, card),
                lambda found: self._show_changes(name, found),
                self._actions.message.warn,
            )

    def _show_changes(self, name: str, found: list[ChangedAnswer]) -> None:
        if name == self._looked_at:
            self.changes.value = changes(found)

    def _draw(self, _change: object = None) -> None:
        parts = compared(self.card.figures) if self.card else []
        drawing = learning_figure(parts, dark=self._state.dark, empty=NOT_MEASURED)
        if parts and self.figure is None:  # it costs a page 5 MB
            self.figure = living(drawing, "learning")
            self.drawing.children = (self.figure, ChartImages())
        elif self.figure is not None:
            redraw(self.figure, drawing)
        self.drawing.layout.display = None if parts else "none"

    def _missing(self) -> list[str]:
        """Return labels that the adapter which answers has learned and nobody asks for."""
        asked = set(map(label_key, self._state.labels))
        answering = {turn.adapter for turn in self._state.adapters.values()}
        cards = [card for card in self._known.cards if card.id in answering]
        return [label for card in cards for label in card.labels if label_key(label) not in asked]

    def _show_lacking(self, _change: object = None) -> None:
        missing = self._missing()
        named = ", ".join(f"“{plain(label)}”" for label in missing[:_MOST_NAMED])
        more = f" and {len(missing) - _MOST_NAMED:,} more" if len(missing) > _MOST_NAMED else ""
        self.lacking.tell(f"It has learned {named}{more}, not among the labels." if missing else "")
        self.ask.layout.display = None if missing else "none"

    def _ask(self, _button: object) -> None:
        self._state.labels = check_labels((*self._state.labels, *self._missing()))
