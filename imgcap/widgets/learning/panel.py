"""The panel in which a person has the models learn from what people said of their answers."""

from typing import Final

from imgcap.widgets.elements import Card, Fold, Message, markup
from imgcap.widgets.learning.actions import AdapterActions
from imgcap.widgets.learning.adapters import AdapterList
from imgcap.widgets.learning.known import Finder, Known
from imgcap.widgets.learning.watch import AdapterWatch
from imgcap.widgets.learning.words import answers_with
from imgcap.widgets.learning.work import Learner
from imgcap.widgets.state import AppState

LOOKING: Final = "Counting what waits to be learned from …"
ELSEWHERE: Final = (
    "The models are those of an inference service: learning from feedback happens where it runs."
)


class LearningPanel(Card):
    """Learning from feedback, in a fold; nothing is counted or made until it is opened.

    Parameters
    ----------
    state : AppState
        Whose feedback teaches, and whose answers change.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Learn from feedback", "learning")
        self._state = state
        self._known = Known()
        self._finder = Finder(state)
        self._busy, self._wanted = False, True
        self._choose = self._told = ""
        self.answers, self.message = Message(), Message()
        self.fold = Fold("What feedback has taught")
        if state.settings.engine != "local":
            self.fill(markup(f"<p>{ELSEWHERE}</p>"))
            return
        self.actions = AdapterActions(state, AdapterWatch(state), self._read)
        self.learner = Learner(state, self._take)
        self.list = AdapterList(state, self.actions)
        self.fill(self.answers, self.fold)
        self.fold.button.observe(state.guarded(self._open), "is_open")
        state.observe(state.guarded(self._read), ["saved", "engine", "adapters"])
        state.observe(state.guarded(self._tell), ["adapters", "description"])
        self._tell()

    def _open(self, _change: object) -> None:
        if not self.fold.body.children:
            self.fold.body.children = (self.message, self.learner, self.list)
        self._go()

    def _tell(self, _change: object = None) -> None:
        state, description = self._state, self._state.description
        revisions = description.revisions if description else {}
        known, trial = self._known, self.actions.trial
        lost = known.adopted.by(known.lost(self.actions.here))
        told = answers_with(state.adapters, trial, revisions, known.deleted, lost)
        if told != self._told:  # else it would be read aloud again with every answer
            self._told = told
            self.answers.tell(told)

    def _take(self, adapter: str) -> None:
        self._choose = adapter
        self._read()

    def _read(self, _change: object = None) -> None:
        self._wanted = True
        self._go()

    def _go(self) -> None:
        if self._busy or not self._wanted or not self.fold.button.is_open:
            return
        self._busy, self._wanted = True, False
        if not self.learner.count.value:
            self.message.tell(LOOKING)
        self._state.in_background(self._finder.find, self._show, self._fail)

    def _show(self, known: Known) -> None:
        self._busy = False
        self._known = known
        self.message.clear()
        self.learner.show(known.waiting)
        self.list.show(known, self._choose)
        self._choose = ""
        self._tell()
        self._go()

    def _fail(self, sentence: str) -> None:
        self._busy = False
        self.message.warn(sentence)
        self._go()
