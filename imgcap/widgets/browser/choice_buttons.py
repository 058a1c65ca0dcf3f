"""A row of buttons of which one is chosen."""

from typing import ClassVar

from traitlets import Int, List, Unicode

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class ChoiceButtons(BrowserWidget):
    """Offers texts as they are, as a group of radio buttons that look like buttons.

    The group is one stop of the Tab key; arrows, Home and End choose.

    Parameters
    ----------
    **traits
        Traits of the widget: `name`, `options`, `chosen`, `layout` ...
    """

    _esm = FOLDER / "choice_buttons.js"
    _set_by_browser: ClassVar[frozenset[str]] = frozenset({"chosen"})

    name = Unicode(help="What is chosen here, as it is shown and read aloud").tag(sync=True)
    options = List(Unicode(), help="Text of each button").tag(sync=True)
    chosen = Int(-1, help="Index of the chosen one; -1 for none").tag(sync=True)
