"""Buttons that keep the chart of the card they are in as a picture, which its page draws."""

from traitlets import Int

from imgcap.widgets.browser.base import FOLDER, BrowserWidget


class ChartImages(BrowserWidget):
    """Offers the plotly figure that is seen in the card around it as PNG and as SVG.

    The page has drawn the figure already, so it makes the file: nothing is asked of Python.
    """

    _esm = FOLDER / "chart_images.js"

    figures = Int(help="How many figures the card holds; one that joins is fitted in").tag(
        sync=True
    )
