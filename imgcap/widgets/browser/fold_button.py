"""A button that opens and folds away what stands after it."""

from typing import ClassVar

from traitlets import Bool, Unicode

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class FoldButton(BrowserWidget):
    """Says whether it is open; the page's style sheet hides the next widget while it is not.

    It works without an answer from Python, so also while the kernel is busy.

    Parameters
    ----------
    **traits
        Traits of the widget: `label`, `is_open`, `layout` ...
    """

    _esm = FOLDER / "fold_button.js"
    _set_by_browser: ClassVar[frozenset[str]] = frozenset({"is_open"})

    label = Unicode(help="Text of the button").tag(sync=True)
    is_open = Bool(help="Whether what stands after it is shown").tag(sync=True)
