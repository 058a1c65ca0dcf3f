"""What people said of the results: the record, and the stores that keep it."""

from imgcap.feedback.record import FeedbackError, FeedbackRecord, record_of
from imgcap.feedback.store import Page, Query, Store, Summary, open_store

__all__ = [
    "FeedbackError",
    "FeedbackRecord",
    "Page",
    "Query",
    "Store",
    "Summary",
    "open_store",
    "record_of",
]
