"""Other captions for the picture on screen: shorter, longer, another; or chosen from a list."""

from collections.abc import Callable, Iterable, Mapping

import ipywidgets as widgets

from imgcap.inference import CancelledError, Caption, CaptionOptions
from imgcap.inference.wording import (
    Candidate,
    Wording,
    find_candidates,
    longer,
    ranked,
    shorter,
)
from imgcap.percentages import percent
from imgcap.widgets.browser import RowTable
from imgcap.widgets.elements import Card, Fold, Message, markup, plain, row
from imgcap.widgets.stage import Scene, Stage
from imgcap.widgets.state import AppState

LOOKING = "Looking for other words …"
NO_SHORTER = "The model finds no shorter caption for this picture."
NO_LONGER = "The model finds no longer caption for this picture."
NO_OTHER = "There is no other: the {} of the list are all that the model finds."
ONLY_ONE = "There is no other: this is the only caption that the model finds."
CANCELLED = "Cancelled; the caption stays as it is."
COLUMNS = ("Caption", "Fit", "Likely", "Both")
LEGEND = (
    'Fit: <abbr title="The cosine similarity of their embeddings">how near</abbr> the caption is '
    "to the picture for the model of labels. "
    "Likely: how likely the captioner finds a word of it, in the mean. Both: one score of the two, "
    "by which the list is sorted. Choose a caption, and it is the one that is shown and rated."
)

Search = Callable[[], tuple[Candidate, ...]]


class CaptionsPanel(Card):
    """Finds other captions in the background, and puts the chosen one on screen.

    What was found is kept as long as picture, edits, options and models stay the same.

    Parameters
    ----------
    state : AppState
        Gets the chosen wording.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("Say it otherwise", "captions")
        self._state = state
        self._stage = Stage.of(state)
        self._question: tuple[object, ...] = ()
        self._known: dict[str, Candidate] = {}
        self._seen: set[str] = set()
        self._searched = self._halted = False
        self._task: object = None
        self.shorter = widgets.Button(description="Shorter", icon="compress")
        self.longer = widgets.Button(description="Longer", icon="expand")
        self.another = widgets.Button(description="Another", icon="refresh")
        self.cancel = widgets.Button(description="Cancel", icon="times")
        self.message = Message()
        self.table = RowTable(name="Captions compared", columns=list(COLUMNS))
        self.fold = Fold("Compare captions")
        self.fill(
            row(self.shorter, self.longer, self.another, self.cancel), self.message, self.fold
        )
        self.shorter.on_click(state.guarded(lambda _: self._resize(shorter, NO_SHORTER)))
        self.longer.on_click(state.guarded(lambda _: self._resize(longer, NO_LONGER)))
        self.another.on_click(state.guarded(self._turn))
        self.cancel.on_click(state.guarded(self._cancel))
        self.fold.button.observe(state.guarded(self._open), "is_open")
        self.table.observe(state.guarded(self._pick), "chosen")
        self._stage.observe(state.guarded(self._follow), "scene")
        self._follow()

    @property
    def _present(self) -> Caption | None:
        """The caption on screen, if it answers the present question."""
        description = self._stage.scene.description
        return description.captions.best if description and description.captions else None

    def _follow(self, _change: object = None) -> None:
        question = self._asked(self._stage.scene)
        if question != self._question:
            self._question = question
            self._known, self._seen = {}, set()
            self._searched = self._halted = False
            self._task = None
            self.message.clear()
        if self._present:
            self._seen.add(self._present.text)
        self._show()
        self._list()

    def _asked(self, scene: Scene) -> tuple[object, ...]:
        """Return all that the captions that are found depend on."""
        names = (event.checkpoint for event in self._state.models.values())
        version = scene.picture.version if scene.picture else ""
        return version, self._state.caption_options, *names

    def _show(self) -> None:
        for button in (self.shorter, self.longer, self.another):
            button.disabled = self._task is not None or self._present is None
        self.cancel.layout.display = None if self._task else "none"
        present = self._present.text if self._present else ""
        candidates = ranked(self._known.values())
        texts = [each.caption.text for each in candidates]
        self.table.layout.display = None if candidates else "none"
        with self.table.hold_trait_notifications(), self.table.hold_sync():
            self.table.rows = [cells(each) for each in candidates]
            self.table.chosen = texts.index(present) if present in texts else -1

    def _open(self, _change: object) -> None:
        if not self.fold.body.children:
            legend = markup(f'<p class="imgcap-muted">{LEGEND}</p>')
            self.fold.body.children = (self.table, legend)
        self._halted = False
        self._list()

    def _list(self) -> None:
        """Fill the list that somebody looks at."""
        idle = not (self._searched or self._halted or self._task)
        if self.fold.button.is_open and self._present and idle:
            self._search(self._state.caption_options, lambda _: None)

    def _resize(
        self,
        limit: Callable[[CaptionOptions, Caption], CaptionOptions | None],
        otherwise: str,
    ) -> None:
        present = self._present
        if present is None or self._task:
            return
        options = limit(self._state.caption_options, present)
        if options is None:
            self.message.tell(otherwise)
            return

        def take(found: tuple[Candidate, ...]) -> None:
            longer_wanted = limit is longer
            fitting = [
                each
                for each in found
                if each.caption.text != present.text
                and (len(each.caption.text) > len(present.text)) == longer_wanted
            ]
            self._put(fitting[:1], otherwise)

        self._search(options, take)

    def _turn(self, _button: object) -> None:
        if self._present is None or self._task:
            return

        def take(_found: object) -> None:
            every = ranked(self._known.values())
            new = [each for each in every if each.caption.text not in self._seen]
            sentence = NO_OTHER.format(len(self._known)) if len(self._known) > 1 else ONLY_ONE
            self._put(new[:1], sentence)

        if self._searched:
            take(())
        else:
            self._search(self._state.caption_options, take)

    def _search(
        self, options: CaptionOptions, then: Callable[[tuple[Candidate, ...]], object]
    ) -> None:
        state, shown = self._state, self._stage.scene.picture
        if shown is None:
            return
        task = self._task = object()
        engine, wide = state.engine, options == state.caption_options

        def is_unwanted() -> bool:
            return self._task is not task or state.closed

        def search() -> tuple[Candidate, ...]:
            try:
                picture = state.shelf.open(shown.id, shown.edits)
                return find_candidates(engine, picture, options, cancel=is_unwanted)
            except (CancelledError, KeyError):  # or the picture was removed meanwhile
                if is_unwanted():
                    return ()
                raise

        def take(found: tuple[Candidate, ...]) -> None:
            if is_unwanted():
                return
            self._task = None
            self._searched = self._searched or wide
            self._known |= {each.caption.text: each for each in found}
            self.message.clear()
            then(found)
            self._show()

        def fail(sentence: str) -> None:
            if not is_unwanted():
                self._task, self._halted = None, True
                self.message.warn(sentence)
                self._show()

        self.message.tell(LOOKING)
        self._show()
        state.in_background(search, take, fail)

    def _cancel(self, _button: object) -> None:
        if self._task:
            self._task, self._halted = None, True
            self.message.tell(CANCELLED)
            self._show()

    def _pick(self, change: Mapping[str, int]) -> None:
        candidates = ranked(self._known.values())
        if 0 <= change["new"] < len(candidates):
            self._put([candidates[change["new"]]], "")

    def _put(self, candidates: Iterable[Candidate], otherwise: str) -> None:
        """Put the first candidate on screen, or say why there is none."""
        description = self._stage.scene.description
        answer = description.captions if description else None
        chosen = next(iter(candidates), None)
        if chosen is None or answer is None:
            self.message.tell(otherwise)
            return
        if chosen.caption == answer.best:
            return
        state, picture = self._state, self._stage.scene.picture
        before = state.wordings.get(picture.id) if picture else None
        written = before.written if before and answer is before.captions else answer
        if picture:
            wording = Wording.preferring(chosen.caption, written)
            state.wordings = {**state.wordings, picture.id: wording}


def cells(candidate: Candidate) -> list[str]:
    """Return a candidate as a row of the table."""
    caption = candidate.caption
    return [
        plain(caption.text),
        f"{candidate.similarity:.2f}",
        percent(caption.confidence),
        f"{candidate.score:.2f}".replace("-", "−"),
    ]
