"""The few widgets that ipywidgets lacks: each a Python class and one plain ES module beside it."""

from imgcap.widgets.browser.chart_images import ChartImages
from imgcap.widgets.browser.choice_buttons import ChoiceButtons
from imgcap.widgets.browser.copy_button import CopyButton
from imgcap.widgets.browser.crop_box import CropBox
from imgcap.widgets.browser.download_button import DownloadButton
from imgcap.widgets.browser.drop_zone import DropZone, Taken, Upload
from imgcap.widgets.browser.fold_button import FoldButton
from imgcap.widgets.browser.gallery_grid import GalleryCard, GalleryGrid
from imgcap.widgets.browser.map_picture import MapPicture
from imgcap.widgets.browser.page_script import PageScript
from imgcap.widgets.browser.picture_strip import PictureStrip, Status, StripItem
from imgcap.widgets.browser.row_table import RowTable
from imgcap.widgets.browser.undo_keys import UndoKeys

__all__ = [
    "ChartImages",
    "ChoiceButtons",
    "CopyButton",
    "CropBox",
    "DownloadButton",
    "DropZone",
    "FoldButton",
    "GalleryCard",
    "GalleryGrid",
    "MapPicture",
    "PageScript",
    "PictureStrip",
    "RowTable",
    "Status",
    "StripItem",
    "Taken",
    "UndoKeys",
    "Upload",
]
