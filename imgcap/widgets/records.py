"""The feedback that was given, by anyone, as a grid: newest first, to sort, filter and keep."""

from typing import Any

import ipywidgets as widgets

from imgcap.feedback import FeedbackRecord, Page, Query, Summary
from imgcap.feedback.csv_format import encode, header
from imgcap.widgets.browser import DownloadButton
from imgcap.widgets.elements import Card, Message, markup, row, with_classes
from imgcap.widgets.state import EXPECTED, AppState

MOST_ROWS = 1_000
WIDTHS = {
    "Time (UTC)": 140,
    "Rating": 60,
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
        from ipydatagrid import DataGrid  # noqa: PLC0415  # with pandas half a second: shown last

        super().__init__("What was said", "records")
        self._state = state
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
        self.grid = with_classes(
            DataGrid(
                frame(()),
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
        self._read()

    def _read(self, _change: object = None) -> None:
        store, query = self._state.store, Query(text=self.search.value.strip())
        self.refresh.disabled = True
        self._state.in_background(
            lambda: (store.page(query, limit=MOST_ROWS), store.summary()), self._show, self._failed
        )

    def _show(self, found: tuple[Page, Summary]) -> None:
        page, summary = found
        self.refresh.disabled = False
        self.message.tell(remark(page, summary))
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


def remark(page: Page, summary: Summary) -> str:
    """Say what the grid does not show, if anything."""
    parts = []
    if page.total != summary.count:
        parts.append(f"{page.total:,} of {summary.count:,} match.")
    if page.total > len(page.records):
        parts.append(f"The newest {len(page.records):,} are shown.")
    if summary.unreadable:
        parts.append(f"{len(summary.unreadable):,} rows cannot be read: {summary.unreadable[0]}")
    return " ".join(parts)


def frame(records: tuple[FeedbackRecord, ...]) -> Any:
    """Return a pandas DataFrame with one row a record and the columns of `WIDTHS`."""
    import pandas as pd  # noqa: PLC0415  # as above

    rows = [
        (
            record.time.strftime("%Y-%m-%d %H:%M:%S"),
            record.rating,
            record.comment,
            record.predictions[0].label if record.predictions else "",
            record.corrected_label,
            record.caption,
            record.corrected_caption,
            record.picture_name,
            ", ".join(filter(None, (record.classifier, record.captioner))),
        )
        for record in records
    ]
    return pd.DataFrame(rows, columns=list(WIDTHS))
