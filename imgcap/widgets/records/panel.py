"""The panel that shows the stored feedback, a page of it at a time."""

import threading
from dataclasses import dataclass
from typing import Final

import ipywidgets as widgets
import traitlets

from imgcap.feedback import FeedbackRecord, Page, Summary
from imgcap.widgets.browser import DownloadButton
from imgcap.widgets.elements import Card, Message, markup, row, with_classes
from imgcap.widgets.records.detail import details, figures, remark
from imgcap.widgets.records.download import exported
from imgcap.widgets.records.filters import Filters
from imgcap.widgets.records.pager import Pager
from imgcap.widgets.records.rows import Rows
from imgcap.widgets.state import EXPECTED, AppState

MOST_AT_ONCE: Final = 3
"""Questions that the store is asked at the same time; of those that wait, only the last counts."""
WAITING: Final = '<p class="imgcap-pending" aria-busy="true">Reading the feedback …</p>'
NOTHING_FOUND: Final = '<p class="imgcap-empty">No feedback matches these filters.</p>'


@dataclass(frozen=True)
class Found:
    """What the store answered: `number` is the page's, from 0 on, `offset` its first row's."""

    page: Page
    number: int
    offset: int
    summary: Summary
    narrow: bool


class RecordsPanel(Card):
    """Stored feedback of all pages; what others add appears on refresh.

    The store finds, sorts and counts, in the background; this holds only the rows that it shows.

    Parameters
    ----------
    state : AppState
        Its store is read again whenever this page has saved something.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("What was said", "records")
        self._state = state
        self._asked = 0
        self._slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        self._found = Found(Page((), 0), 0, 0, Summary(), narrow=False)
        self._chosen: FeedbackRecord | None = None
        self.figures = markup(WAITING)
        self.refresh = widgets.Button(description="Refresh", icon="refresh")
        self.filters = Filters(state, self._search)
        self.message = Message()
        self.as_table = widgets.Checkbox(description="Show as a table", indent=False)
        self.nothing = markup(NOTHING_FOUND)
        self.rows = Rows(state)
        self.place = Message()
        self.pager = Pager(state, self._turn)
        self.record = markup()
        self.csv = self._download("csv", "CSV", "text/csv")
        self.jsonl = self._download("jsonl", "JSON lines", "application/jsonl")
        self._remarks = row(self.message, self.filters.clear)
        self._places = with_classes(row(self.place, self.as_table), "apart")
        self._downloads = row(self.csv, self.jsonl)
        self.fill(
            with_classes(row(self.figures, self.refresh), "apart"),
            self.filters,
            self._remarks,
            self.nothing,
            self._places,
            self.rows,
            self.pager,
            self.record,
            self._downloads,
        )
        traitlets.link((self.as_table, "value"), (self.rows, "as_table"))
        self.rows.observe(state.guarded(self._open), "chosen")
        self.refresh.on_click(state.guarded(self._read))
        state.observe(state.guarded(self._read), "saved")
        self._arrange()
        self._read()

    def _search(self) -> None:
        self.pager.page = 0
        self._read()

    def _turn(self) -> None:
        self._read(summary=self._found.summary)

    def _read(self, _change: object = None, *, summary: Summary | None = None) -> None:
        """Ask the store, also for the counts of all if they are not given."""
        store, query, narrow = self._state.store, self.filters.query, self.filters.narrow
        number, limit = self.pager.page, self.pager.limit
        self._asked += 1
        asked = self._asked
        self._tell_place(busy=True)

        def read() -> Found | None:
            with self._slots:
                if asked != self._asked:
                    return None
                page, at = store.page(query, number * limit, limit), number
                if page.total and not page.records:  # there are fewer than there were
                    at = (page.total - 1) // limit
                    page = store.page(query, at * limit, limit)
                return Found(page, at, at * limit, summary or store.summary(), narrow)

        # What was overtaken by a later question is not wanted any more.
        self._state.in_background(
            read,
            lambda found: self._show(found) if found and asked == self._asked else None,
            lambda sentence: self._fail(sentence) if asked == self._asked else None,
        )

    def _show(self, found: Found) -> None:
        self._found = found
        records = found.page.records
        chosen = self._chosen and self._chosen.id
        places = (at for at, record in enumerate(records) if record.id == chosen)
        self.figures.value = figures(found.summary)
        self.message.tell(remark(found.page, found.summary, narrow=found.narrow))
        self.pager.show(found.number, found.page.total)
        self.rows.show(records, next(places, -1))
        self._arrange()
        self._tell_place(busy=False)

    def _fail(self, sentence: str) -> None:
        self.message.warn(sentence)
        if self.figures.value == WAITING:
            self.figures.value = ""
        self.pager.show(self._found.number, self._found.page.total)
        self._tell_place(busy=False)

    def _arrange(self) -> None:
        found, any_shown = self._found, bool(self._found.page.records)
        self.filters.clear.layout.display = None if self.filters.narrow else "none"
        for part, wanted in {
            self.filters: found.summary.count or found.narrow,
            self.nothing: found.narrow and not any_shown,
            self.rows: any_shown,
            self.pager: any_shown,
            self._places: any_shown,
            self._downloads: any_shown,
        }.items():
            part.layout.display = None if wanted else "none"

    def _tell_place(self, *, busy: bool) -> None:
        self.refresh.disabled = busy
        # Assistive technology waits with what is marked as busy, and the rows are drawn paler.
        words = place(self._found.page, self._found.offset)
        self.place.value = f'<span aria-busy="{str(busy).lower()}">{words}</span>'

    def _open(self, _change: object) -> None:
        at = self.rows.chosen
        self._chosen = self._found.page.records[at] if at >= 0 else None
        self.record.value = details(self._chosen) if self._chosen else ""

    def _download(self, name: str, label: str, mime: str) -> DownloadButton:
        return DownloadButton(
            label=f"Download {label}",
            file_name=f"feedback.{name}",
            mime=mime,
            make=lambda: exported(self._state.store, self.filters.query, name),
            begin=lambda work: threading.Thread(target=work, daemon=True).start(),
            expected=EXPECTED,
            on_error=self._state.report,
        )


def place(page: Page, offset: int) -> str:
    """Say which rows are shown."""
    if not page.records:
        return ""
    return f"Rows {offset + 1:,}–{offset + len(page.records):,} of {page.total:,}"
