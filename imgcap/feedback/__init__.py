"""What people said of the results: the record, and the stores that keep it."""

from imgcap.feedback.opening import open_store, open_store_at
from imgcap.feedback.record import FeedbackError, FeedbackRecord, record_of
from imgcap.feedback.store import Outline, Page, Query, Store, Summary

__all__ = [
    "FeedbackError",
    "FeedbackRecord",
    "Outline",
    "Page",
    "Query",
    "Store",
    "Summary",
    "open_store",
    "open_store_at",
    "record_of",
]
