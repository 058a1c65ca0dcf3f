"""The page around the panels: its looks, its script, its head."""

import ipywidgets as widgets
import traitlets

from imgcap.widgets.browser import PageScript
from imgcap.widgets.elements import markup, style_sheet, with_classes
from imgcap.widgets.state import AppState

HEAD = """<a class="imgcap-skip" href="#imgcap-result">Skip to the result</a>
<h1>imgcap</h1>
<p class="imgcap-muted">Drop in a picture: what it shows, how to say it, how sure the models are.
{where}</p>"""
HERE = "Pictures are looked at where this page is served from, and sent nowhere else."
THERE = "Pictures are sent to the inference service that this page uses, and nowhere else."
NAMES = {
    "imgcap-grid": "Table of feedback",
    "imgcap-chart": "Chart of confidence",
    "imgcap-status": "Status",
}


class Page(widgets.VBox):
    """Everything the visitor sees.

    Parameters
    ----------
    state : AppState
        Learns whether the visitor prefers a dark theme; the page closes with it.
    *children : ipywidgets.Widget
        What stands below the head.
    """

    def __init__(self, state: AppState, *children: widgets.Widget) -> None:
        script = PageScript(names=NAMES)
        head = HEAD.format(where=HERE if state.settings.engine == "local" else THERE)
        super().__init__([style_sheet(), script, markup(head), *children])
        with_classes(self, "page")
        traitlets.dlink((script, "dark"), (state, "dark"))
        state.observe(self._close_all, "closed")

    def _close_all(self, _change: object) -> None:
        for widget in parts(self):
            widget.close()


def parts(whole: widgets.Widget) -> list[widgets.Widget]:
    """Return a widget and all that it holds, shown or not: children, styles, drafts ..."""
    found: dict[int, widgets.Widget] = {}
    waiting: list[object] = [whole]
    while waiting:
        match waiting.pop():
            case widgets.Widget() as widget if id(widget) not in found:
                found[id(widget)] = widget
                waiting.extend(vars(widget).values())
            case dict() as some:
                waiting.extend(some.values())
            case list() | tuple() as some:
                waiting.extend(some)
    return list(found.values())
