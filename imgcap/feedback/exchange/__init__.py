"""Feedback on the move: exported, imported, and copied from store to store."""

from imgcap.feedback.exchange.copy import Copied, copy, same_place
from imgcap.feedback.exchange.formats import FORMATS, export, read_export
from imgcap.feedback.exchange.label_studio import LABELING_CONFIG

__all__ = [
    "FORMATS",
    "LABELING_CONFIG",
    "Copied",
    "copy",
    "export",
    "read_export",
    "same_place",
]
