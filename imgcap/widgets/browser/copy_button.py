"""A button that copies a text, in a page without https too."""

from traitlets import Unicode

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class CopyButton(BrowserWidget):
    """Copies `text` to the clipboard and says so for two seconds; disabled without a text.

    Parameters
    ----------
    **traits
        Traits of the widget: `text`, `label`, `layout` ...
    """

    _esm = FOLDER / "copy_button.js"

    text = Unicode(help="What is copied").tag(sync=True)
    label = Unicode("Copy", help="Text of the button").tag(sync=True)
