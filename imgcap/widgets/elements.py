"""The few building blocks that all panels are made of."""

from html import escape
from pathlib import Path
from typing import Any

import ipywidgets as widgets

from imgcap.widgets.browser import FoldButton


def markup(value: str = "") -> widgets.HTML:
    """Return a widget for markup of ours; what comes from a person goes through `escape` first."""
    return widgets.HTML(value)


def with_classes(widget: Any, *classes: str) -> Any:
    """Add CSS classes, each with the project's prefix, and return the widget."""
    for name in classes:
        widget.add_class(f"imgcap-{name}")
    return widget


def plain(text: str) -> str:
    """Replace half emojis (lone surrogates), with which nothing can be sent to a page."""
    return text.encode("utf-8", "replace").decode("utf-8")


def style_sheet() -> widgets.HTML:
    """Return the page's looks as a widget, so that they come along wherever the page is shown."""
    css = Path(__file__).with_name("style.css").read_text(encoding="utf-8")
    return widgets.HTML(f"<style>{css}</style>", layout={"display": "none"})


def row(*children: widgets.Widget) -> widgets.Box:
    """Put widgets beside each other, wrapping where the page is narrow."""
    return with_classes(widgets.Box(children), "row")


class Card(widgets.VBox):
    """A titled part of the page.

    Parameters
    ----------
    title : str
        Its heading; empty for none.
    *classes : str
        CSS classes without the prefix.
    """

    def __init__(self, title: str, *classes: str) -> None:
        super().__init__()
        with_classes(self, "card", *classes)
        self._heading = (markup(f"<h2>{escape(title)}</h2>"),) if title else ()

    def fill(self, *children: widgets.Widget) -> None:
        """Set what stands under the heading."""
        self.children = (*self._heading, *children)


class Fold(widgets.VBox):
    """A part of a card that a person can fold away.

    Parameters
    ----------
    title : str
        What the button says.
    *children : ipywidgets.Widget
        What it shows and hides.
    """

    def __init__(self, title: str, *children: widgets.Widget) -> None:
        self.button = FoldButton(label=title)
        self.body = with_classes(widgets.VBox(children), "fold-body")
        super().__init__([self.button, self.body])


class Progress(widgets.HTML):
    """A progress bar with a name; ipywidgets' own is mere colour to those who do not see it.

    Parameters
    ----------
    name : str
        What it measures.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        with_classes(self, "progress")
        self._name = escape(name)

    def show(self, share: float | None) -> None:
        """Show how much is done, in 0..1; None as long as that is unknown."""
        value = "" if share is None else f' value="{share:.3f}"'
        self.value = f'<progress aria-label="{self._name}"{value}></progress>'


class Message(widgets.HTML):
    """One sentence beside the control that it is about; empty until there is one.

    The page makes a live region of the widget itself: one that came together with its sentence
    would be read aloud by few screen readers.
    """

    def __init__(self) -> None:
        super().__init__()
        with_classes(self, "message")

    def clear(self) -> None:
        """Show nothing."""
        self.value = ""

    def tell(self, sentence: str) -> None:
        """Show a plain remark."""
        self.value = f"<span>{escape(plain(sentence))}</span>" if sentence else ""

    def warn(self, sentence: str) -> None:
        """Show what went wrong."""
        self.value = f'<span role="alert">{escape(plain(sentence))}</span>' if sentence else ""


class Columns(widgets.Box):
    """Two columns of cards beside each other, or below each other where the page is narrow."""

    def __init__(self) -> None:
        self.left, self.right = (with_classes(widgets.VBox(), "column") for _ in range(2))
        super().__init__([self.left, self.right])
        with_classes(self, "columns")


class Later(widgets.VBox):
    """Keeps the place of a panel that comes when the rest of the page is already there.

    A change of a box's children makes every view after it anew, with what is typed and focused.
    """

    def __init__(self) -> None:
        super().__init__()
        with_classes(self, "later")
