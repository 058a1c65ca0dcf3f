"""A page of records as short rows, in a canvas or as a table that can be read aloud."""

from collections.abc import Sequence
from typing import Any, Final

import ipywidgets as widgets
import traitlets

from imgcap.charts import DARK, LIGHT
from imgcap.feedback import FeedbackRecord
from imgcap.widgets.browser import RowTable
from imgcap.widgets.elements import plain, with_classes
from imgcap.widgets.state import AppState

MOST_CHARACTERS: Final = 200
"""Of a cell: more than fits; a chosen record is shown whole."""
WIDTHS: Final = {
    "Time (UTC)": 165,
    "Rating": 90,
    "Comment": 260,
    "Label": 150,
    "Right label": 150,
    "Caption": 230,
    "Right caption": 230,
    "Picture": 140,
    "Models": 260,
}


class Rows(widgets.VBox):
    """The rows of one page, one of which can be chosen.

    The grid draws on a canvas, of which nobody hears anything; the table holds the same rows for
    those who listen, enlarge or search the page.

    Parameters
    ----------
    state : AppState
        Whose `dark` decides the colours.
    """

    as_table = traitlets.Bool(default_value=False, help="Whether the table stands for the grid.")
    chosen = traitlets.Int(-1, help="Which row was chosen last; -1 for none.")

    def __init__(self, state: AppState) -> None:
        from ipydatagrid import (  # noqa: PLC0415  # with pandas half a second: shown last
            DataGrid,
            TextRenderer,
        )

        super().__init__()
        self._state = state
        self._cells: list[tuple[str | int, ...]] = []
        # Plain colours: the default is an expression, which the policy of the page does not run.
        self._text, self._heads = (
            TextRenderer(text_color=LIGHT.ink, background_color=ground, font=font)
            for ground, font in (
                ("transparent", "13px system-ui, sans-serif"),
                (LIGHT.surface, "600 13px system-ui, sans-serif"),
            )
        )
        self.grid = with_classes(
            DataGrid(
                frame(()),
                default_renderer=self._text,
                header_renderer=self._heads,
                column_widths=WIDTHS,
                base_row_size=30,
                base_column_header_size=32,
                header_visibility="column",
                selection_mode="row",
                layout={"height": "360px"},
            ),
            "grid",
        )
        self.table = RowTable(columns=list(WIDTHS), name="Feedback, one row each")
        self.children = [self.grid, self.table]
        self.grid.observe(state.guarded(self._choose_in_grid), "selections")
        self.table.observe(state.guarded(self._choose_in_table), "chosen")
        self.observe(state.guarded(self._fill), "as_table")
        state.observe(state.guarded(self._colour), "dark")
        self._colour()
        self._fill()

    def show(self, records: Sequence[FeedbackRecord], chosen: int) -> None:
        """Show records, one of which is chosen already, or none."""
        self._cells = [cells(record) for record in records]
        self.chosen = chosen
        self._fill()

    def _fill(self, _change: object = None) -> None:
        """Fill the one that is shown: a page of long rows need not travel twice."""
        if self.as_table:
            with self.table.hold_sync():
                self.table.rows = [list(map(str, each)) for each in self._cells]
                self.table.chosen = self.chosen
        else:
            self.grid.data = frame(self._cells)
            self.grid.selections = self._selections()
        for part, is_shown in ((self.table, self.as_table), (self.grid, not self.as_table)):
            part.layout.display = None if is_shown else "none"

    def _selections(self) -> list[dict[str, int]]:
        if self.chosen < 0:
            return []
        return [{"r1": self.chosen, "r2": self.chosen, "c1": 0, "c2": len(WIDTHS) - 1}]

    def _choose_in_grid(self, _change: object) -> None:
        # The grid also forgets its selection when it gets other rows; what was chosen stays.
        if self.grid.selections and isinstance(row := self.grid.selections[0].get("r1"), int):
            self._choose(row)

    def _choose_in_table(self, _change: object) -> None:
        self._choose(self.table.chosen)

    def _choose(self, row: int) -> None:
        if 0 <= row < len(self._cells):
            self.chosen = row

    def _colour(self, _change: object = None) -> None:
        theme = DARK if self._state.dark else LIGHT
        self._text.text_color = self._heads.text_color = theme.ink
        self._heads.background_color = theme.surface
        self.grid.grid_style = {
            "void_color": theme.surface,
            "background_color": theme.surface,
            "header_background_color": theme.surface,
            "grid_line_color": theme.grid,
            "header_grid_line_color": theme.grid,
            "vertical_grid_line_color": "transparent",
            "selection_fill_color": f"{theme.accent}33",
            "selection_border_color": theme.accent,
            "header_selection_fill_color": "transparent",
            "header_selection_border_color": "transparent",
            "cursor_fill_color": "transparent",
            "cursor_border_color": theme.accent,
        }


def frame(rows: Sequence[tuple[str | int, ...]]) -> Any:
    """Return a pandas DataFrame of rows with the columns of `WIDTHS`."""
    import pandas as pd  # noqa: PLC0415  # as above

    return pd.DataFrame(list(rows), columns=list(WIDTHS))


def cells(record: FeedbackRecord) -> tuple[str | int, ...]:
    """Return a record as the row of `WIDTHS`."""
    models = ", ".join(filter(None, (record.classifier, record.captioner)))
    texts = (
        record.comment,
        record.label,
        record.corrected_label,
        record.caption,
        record.corrected_caption,
        record.picture_name,
        models,
    )
    return (f"{record.time:%Y-%m-%d %H:%M:%S}", record.rating, *map(cell, texts))


def cell(text: str) -> str:
    """Return a text as one line of the grid: not endless, and fit to be sent to a page."""
    start = " ".join(text[: MOST_CHARACTERS + 1].split())
    return plain(start if len(text) <= MOST_CHARACTERS else f"{start[:MOST_CHARACTERS]}…")
