"""A table whose rows can be chosen, by keyboard and by ear too."""

from typing import ClassVar

from traitlets import Int, List, Unicode

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class RowTable(BrowserWidget):
    """Shows rows of text as they are; the first cell of each is a button that chooses it.

    The buttons are one stop of the Tab key; arrows, Home and End go from row to row.

    Parameters
    ----------
    **traits
        Traits of the widget: `name`, `columns`, `rows`, `layout` ...
    """

    _esm = FOLDER / "row_table.js"
    _set_by_browser: ClassVar[frozenset[str]] = frozenset({"chosen"})

    name = Unicode(help="What is read aloud of the table").tag(sync=True)
    columns = List(Unicode(), help="Heads of the columns").tag(sync=True)
    rows = List(List(Unicode()), help="One text a column").tag(sync=True)
    chosen = Int(-1, help="Index of the row that was chosen last; -1 for none").tag(sync=True)
