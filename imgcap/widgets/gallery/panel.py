"""All pictures of a page as a gallery: filter, sort, search by text, take the results along."""

import threading
from collections import Counter
from collections.abc import Mapping
from typing import Final

import ipywidgets as widgets

from imgcap.inference import Description
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.browser import GalleryGrid
from imgcap.widgets.elements import Card, Fold, Message, Progress, plain, row
from imgcap.widgets.gallery.cards import UNKNOWN, best, card, ordered
from imgcap.widgets.gallery.downloads import downloads
from imgcap.widgets.gallery.finder import Finder
from imgcap.widgets.gallery.teacher import Teacher
from imgcap.widgets.gallery.teaching import TeachingRow
from imgcap.widgets.state import AppState

LEAST: Final = 2
"""A gallery of one picture would say nothing that the page does not."""

SECONDS: Final = 0.3
"""Between two updates of the page, whatever happens in between."""

NEARNESS: Final = (
    "The figure on a card is the cosine similarity of the embeddings of the picture and the words: "
    "the higher, the nearer."
)

EVERY_LABEL: Final = "every label"
SORTS: Final = {
    "arrival": "As they came",
    "sure": "Surest first",
    "unsure": "Least sure first",
    "name": "By name",
}


class GalleryPanel(Card):
    """A grid of all pictures with what they show, in a fold; there from two pictures on.

    Nothing is made until the fold is opened, and while it is closed nothing is kept up to date.

    Parameters
    ----------
    state : AppState
        Whose pictures are shown, and which of them is on screen.
    analyst : Analyst
        Knows what is known about each, and is asked to stop and to go on.
    """

    def __init__(self, state: AppState, analyst: Analyst) -> None:
        super().__init__("All your pictures", "gallery")
        self._state = state
        self._analyst = analyst
        self._timer: threading.Timer | None = None
        self._offering = False
        self.finder = Finder(state, self._soon)
        self.teacher = Teacher(state, analyst, self._soon)
        self.teaching = TeachingRow(self.teacher)
        self.fold = Fold("Gallery, search and table")
        self.grid: GalleryGrid | None = None
        self.fill(self.fold)
        self._make_controls()
        self.fold.button.observe(state.guarded(self._open), "is_open")
        state.observe(
            state.guarded(self._soon),
            ["pictures", "statuses", "selected", "paused", "engine", "adapters"],
        )
        state.observe(state.guarded(self._show_card), "pictures")
        self._show_card()

    def _make_controls(self) -> None:
        state = self._state
        self.count, self.found = Message(), Message()
        self.found.tooltip = NEARNESS
        self.progress = Progress("Progress over all pictures")
        self.cancel = widgets.Button(description="Cancel", icon="times")
        self.resume = widgets.Button(description="Go on", icon="play")
        self.label = widgets.Dropdown(description="Show", options=[("All", EVERY_LABEL)])
        self.sort = widgets.Dropdown(
            description="Order", options=[(name, key) for key, name in SORTS.items()]
        )
        self.phrase = widgets.Text(
            description="Find", placeholder="a dog on a beach", continuous_update=False
        )
        self.search = widgets.Button(description="Find pictures", icon="search")
        self.clear = widgets.Button(description="Clear search", icon="times")
        self.cancel.on_click(state.guarded(lambda _: self._analyst.cancel()))
        self.resume.on_click(state.guarded(lambda _: self._analyst.retry()))
        self.search.on_click(state.guarded(self._search))
        self.phrase.observe(state.guarded(self._search), "value")
        self.clear.on_click(state.guarded(self._clear))
        self.teaching.begin.on_click(state.guarded(self._teach))
        self.teaching.end.on_click(state.guarded(self._end_teaching))
        for control in (self.label, self.sort):
            control.observe(state.guarded(self._arrange), "value")

    def _show_card(self, _change: object = None) -> None:
        self.layout.display = None if len(self._state.pictures) >= LEAST else "none"

    def _open(self, _change: object = None) -> None:
        if self.grid is None:
            self.grid = GalleryGrid(
                name="All your pictures",
                thumbnail=self._thumbnail,
                on_open=self._state.guarded(self._select),
                on_error=self._state.report,
            )
            self.fold.body.children = (
                row(self.count, self.progress, self.cancel, self.resume),
                row(self.label, self.sort),
                row(self.phrase, self.search, self.clear),
                self.found,
                self.teaching,
                self.grid,
                row(*downloads(self._state, self._analyst)),
            )
        self._refresh()

    def _soon(self, _change: object = None) -> None:
        """Bring the page up to date in a moment, whatever else happens until then."""
        if self._timer or self.grid is None or not self.fold.button.is_open:
            return
        self._timer = threading.Timer(SECONDS, self._state.guarded(self._refresh))
        self._timer.daemon = True
        self._timer.start()

    def _refresh(self) -> None:
        self._timer = None
        if self._state.closed or not self.fold.button.is_open:
            return
        self._show_progress()
        known = self._known()
        self._offer_labels(known)
        self._show_grid(known)

    def _known(self) -> dict[str, Description | None]:
        return {shown.id: self._analyst.description(shown.id) for shown in self._state.pictures}

    def _show_progress(self) -> None:
        state = self._state
        total, statuses = len(state.pictures), self._statuses()
        ended = sum(status not in UNKNOWN for status in statuses)
        failed = sum(status not in UNKNOWN | {"done"} for status in statuses)
        wrong = f", {failed:,} failed" if failed else ""
        busy = ended < total
        cancelled = ", cancelled" if busy and state.paused else ""
        self.count.tell(f"{ended - failed:,} of {total:,} done{wrong}{cancelled}")
        self.progress.show(ended / max(1, total))
        _show(self.progress, shown=busy)
        _show(self.cancel, shown=busy and not state.paused)
        _show(self.resume, shown=bool(failed) or (busy and state.paused))

    def _statuses(self) -> list[str]:
        statuses = self._state.statuses
        return [statuses.get(shown.id, "waiting") for shown in self._state.pictures]

    def _is_busy(self) -> bool:
        return not self._state.paused and not UNKNOWN.isdisjoint(self._statuses())

    def _offer_labels(self, known: Mapping[str, Description | None]) -> None:
        counts = Counter(map(best, known.values()))
        counts.pop("", None)
        if self._is_busy():  # counts would change all the time, and close a list that is open
            named = [(plain(name), name) for name in sorted(counts)]
        else:
            ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
            named = [(f"{plain(name)} ({n:,})", name) for name, n in ordered]
        options = [("All", EVERY_LABEL), *named]
        if tuple(options) != tuple(self.label.options):
            chosen = self.label.value
            kept = chosen if any(value == chosen for _, value in options) else EVERY_LABEL
            with self.label.hold_sync():
                self._offering = True
                self.label.options = options
                self.label.value = kept
                self._offering = False

    def _arrange(self, _change: object = None) -> None:
        if not self._offering:
            self._show_grid(self._known())

    def _show_grid(self, known: Mapping[str, Description | None]) -> None:
        if self.grid is None:
            return
        state, chosen = self._state, self.label.value
        near, lessons = self.finder.look(), self.teacher.look()
        cards = {
            shown.id: card(
                shown,
                known[shown.id],
                state.statuses.get(shown.id, "waiting"),
                near.get(shown.id),
                lessons.get(shown.id, ""),
            )
            for shown in state.pictures
        }
        shown = [
            picture
            for picture in state.pictures
            if chosen == EVERY_LABEL or best(known[picture.id]) == chosen
        ]
        if self.finder.phrase:
            shown = sorted(shown, key=lambda picture: -near.get(picture.id, float("-inf")))
        else:
            shown = ordered(shown, known, self.sort.value)
        order = [picture.id for picture in shown]
        order = [key for key in lessons if key in order] + [
            key for key in order if key not in lessons
        ]
        self.grid.show(cards, order, state.selected)
        self._tell_search(near, len(order))
        self.teaching.show(len(lessons))

    def _tell_search(self, near: dict[str, float], count: int) -> None:
        phrase = self.finder.phrase
        self.sort.disabled = bool(phrase)
        _show(self.clear, shown=bool(phrase))
        if self.finder.problem:
            self.found.warn(self.finder.problem)
        elif self.finder.is_busy:
            total = len(self._state.pictures)
            self.found.tell(f"Looking for “{phrase}”: {len(near):,} of {total:,} pictures …")
        elif phrase:
            what = "1 picture" if count == 1 else f"{count:,} pictures"
            self.found.tell(f"{what}, nearest to “{phrase}” first.")
        else:
            self.found.clear()

    def _search(self, _change: object = None) -> None:
        phrase = self.phrase.value.strip()
        if phrase != self.finder.phrase or self.finder.problem:
            if phrase:
                self.teacher.end()
            self.finder.search(phrase)
            self._arrange()

    def _clear(self, _button: object) -> None:
        self.phrase.value = ""
        self._search()

    def _teach(self, _button: object) -> None:
        self.label.value = EVERY_LABEL
        self._clear(_button)
        self.teacher.begin()
        self._arrange()

    def _end_teaching(self, _button: object) -> None:
        self.teacher.end()
        self._arrange()

    def _select(self, picture_id: str) -> None:
        if self._state.find(picture_id):
            self._state.selected = picture_id

    def _thumbnail(self, picture_id: str) -> bytes | None:
        shown = self._state.find(picture_id)
        return shown.thumbnail if shown else None


def _show(widget: widgets.Widget, *, shown: bool) -> None:
    widget.layout.display = None if shown else "none"
