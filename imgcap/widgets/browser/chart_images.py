"""Buttons that keep the chart of the card they are in as a picture; its page draws it."""

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class ChartImages(BrowserWidget):
    """Offers the one plotly figure of the card around it as PNG and as SVG.

    The page has drawn the figure already, so it makes the file: nothing is asked of Python.
    """

    _esm = FOLDER / "chart_images.js"
