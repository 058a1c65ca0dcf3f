"""What a page needs of a script: the visitor's theme and width, names, and a focus that stays."""

from typing import ClassVar

from traitlets import Bool, Dict, Unicode

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class PageScript(BrowserWidget):
    """Invisible; display it once in a page.

    Gives the handles and number fields of ipywidgets' sliders the description of their slider as
    accessible name, parts of the page the ones in `names`, and cards that of their heading. When
    the control that has the focus goes, the one that takes its place gets it, or its region.

    Parameters
    ----------
    **traits
        Traits of the widget: `names`, `lang`.
    """

    _esm = FOLDER / "page_script.js"
    _set_by_browser: ClassVar[frozenset[str]] = frozenset({"dark", "narrow"})

    dark = Bool(help="Whether the visitor prefers a dark theme").tag(sync=True)
    narrow = Bool(help="Whether the page is narrower than 640 pixels").tag(sync=True)
    names = Dict(
        key_trait=Unicode(),
        value_trait=Unicode(),
        help="CSS class -> accessible name; of an image, its alternative text",
    ).tag(sync=True)
    lang = Unicode("en", help="Language of the page, where it names none").tag(sync=True)
