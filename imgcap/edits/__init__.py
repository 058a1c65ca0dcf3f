"""Edits of a picture: a list of plain values, done in order whenever the pixels are needed."""

from imgcap.edits.base import MAX_EDITS, Edit, EditError, Size
from imgcap.edits.geometry import Crop, Flip, Resize, Rotate, Turn
from imgcap.edits.history import History, adjusted, current
from imgcap.edits.run import apply, edit_from, edits_from, size_after
from imgcap.edits.tone import AutoContrast, Brightness, Contrast, Saturation

__all__ = [
    "MAX_EDITS",
    "AutoContrast",
    "Brightness",
    "Contrast",
    "Crop",
    "Edit",
    "EditError",
    "Flip",
    "History",
    "Resize",
    "Rotate",
    "Saturation",
    "Size",
    "Turn",
    "adjusted",
    "apply",
    "current",
    "edit_from",
    "edits_from",
    "size_after",
]
