"""The feedback that was given, by anyone, as a grid: newest first, to sort, filter and keep."""

from collections.abc import Callable
from typing import Any, TypeVar

import ipywidgets as widgets

from imgcap.charts import DARK, LIGHT
from imgcap.feedback import FeedbackRecord, Page, Query, Summary
from imgcap.feedback.csv.format import encode, header
from imgcap.widgets.browser import DownloadButton
from imgcap.widgets.elements import Card, Message, markup, plain, row, with_classes
from imgcap.widgets.state import EXPECTED, AppState

T = TypeVar("T")

MOST_ROWS = 1_000
MOST_CHARACTERS = 1_000
WIDTHS = {
    "Time (UTC)": 165,
    "Rating": 75,
    "Comment": 260,
    "Label": 150,
    "Right label": 150,
    "Caption": 230,
    "Right caption": 230,
    "Picture": 140,
    "Models": 260,
}
EMPTY = "<p>No feedback yet: yours would be the first.</p>"


class RecordsPanel(Card):
    """Stored feedback of all pages; what others add appears on refresh.

    Parameters
    ----------
    state : AppState
        Its store is read again whenever this page has saved something.
    """

    def __init__(self, state: AppState) -> None:
        from ipydatagrid import (  # noqa: PLC0415  # with pandas half a second: shown last
            DataGrid,
            TextRenderer,
        )

        super().__init__("What was said", "records")
        self._state = state
        self._asked = 0
        self.figures = markup(EMPTY)
        self.search = widgets.Text(
            description="Search", placeholder="words in the feedback", continuous_update=False
        )
        self.refresh = widgets.Button(description="Refresh", icon="refresh")
        self.download = DownloadButton(
            label="Download CSV",
            file_name="feedback.csv",
            mime="text/csv",
            make=self._csv,
            expected=EXPECTED,
            on_error=state.report,
        )
        self.message = Message()
        # Plain colours: the default is an expression, which the policy of the page does not run.
        self.text = TextRenderer(text_color=LIGHT.ink, background_color="transparent")
        self.grid = with_classes(
            DataGrid(
                frame(()),
                default_renderer=self.text,
                column_widths=WIDTHS,
                base_row_size=30,
                base_column_header_size=32,
                header_visibility="column",
                selection_mode="row",
                horizontal_stripes=True,
                layout={"height": "320px"},
            ),
            "grid",
        )
        self.fill(
            self.figures, row(self.search, self.refresh, self.download), self.message, self.grid
        )
        self.refresh.on_click(state.guarded(self._read))
        self.search.observe(state.guarded(self._read), "value")
        state.observe(state.guarded(self._read), "saved")
        state.observe(state.guarded(self._colour), "dark")
        self._colour()
        self._read()

    def _colour(self, _change: object = None) -> None:
        theme = DARK if self._state.dark else LIGHT
        self.text.text_color = theme.ink
        ground = dict.fromkeys(("void_color", "background_color"), theme.surface)
        lines = dict.fromkeys(("grid_line_color", "header_grid_line_color"), theme.grid)
        self.grid.grid_style = ground | lines

    def _read(self, _change: object = None) -> None:
        store, query = self._state.store, Query(text=self.search.value.strip())
        self._asked += 1
        asked = self._asked
        self.refresh.disabled = True

        def read() -> tuple[Page, Summary]:
            return store.page(query, limit=MOST_ROWS), store.summary()

        def latest(show: Callable[[T], None]) -> Callable[[T], None]:
            # A search may be overtaken by a later one; what it found is then not wanted any more.
            return lambda found: show(found) if asked == self._asked else None

        self._state.in_background(read, latest(self._show), latest(self._failed))

    def _show(self, found: tuple[Page, Summary]) -> None:
        page, summary = found
        self.refresh.disabled = False
        self.message.tell(remark(page, summary, searched=bool(self.search.value.strip())))
        self.figures.value = figures(summary)
        self.grid.data = frame(page.records)
        for widget in (self.grid, self.download):
            widget.layout.display = None if summary.count else "none"

    def _failed(self, sentence: str) -> None:
        self.refresh.disabled = False
        self.message.warn(sentence)

    def _csv(self) -> bytes:
        return b"".join([header(), *map(encode, self._state.store.read())])


def figures(summary: Summary) -> str:
    """Return the counts that stand above the grid."""
    mean = summary.mean_rating
    if mean is None:
        return EMPTY
    each = " · ".join(f"{stars}: {count:,}" for stars, count in enumerate(summary.ratings, 1))
    return (
        f"<p><strong>{summary.count:,}</strong> in all, mean rating <strong>{mean:.1f}</strong> "
        f'of 5 <span class="imgcap-muted">({each})</span></p>'
    )


def remark(page: Page, summary: Summary, *, searched: bool = False) -> str:
    """Say what the grid does not show, if anything."""
    parts = []
    if searched:
        parts.append(f"{page.total:,} of {summary.count:,} match.")
    if page.total > len(page.records):
        parts.append(f"The newest {len(page.records):,} are shown.")
    if summary.unreadable:
        count = len(summary.unreadable)
        rows = "row" if count == 1 else "rows"
        parts.append(f"{count:,} {rows} cannot be read. {summary.unreadable[0]}")
    return " ".join(parts)


def frame(records: tuple[FeedbackRecord, ...]) -> Any:
    """Return a pandas DataFrame with one row a record and the columns of `WIDTHS`."""
    import pandas as pd  # noqa: PLC0415  # as above

    rows = [
        (
            record.time.strftime("%Y-%m-%d %H:%M:%S"),
            record.rating,
            *map(
                cell,
                (
                    record.comment,
                    record.label,
                    record.corrected_label,
                    record.caption,
                    record.corrected_caption,
                    record.picture_name,
                    ", ".join(filter(None, (record.classifier, record.captioner))),
                ),
            ),
        )
        for record in records
    ]
    return pd.DataFrame(rows, columns=list(WIDTHS))


def cell(text: str) -> str:
    """Return a text as the grid can show it: not endless, and fit to be sent to a page."""
    return plain(text if len(text) <= MOST_CHARACTERS else f"{text[:MOST_CHARACTERS]}…")
