"""The default store: one CSV file that spreadsheets open."""

from imgcap.feedback.csv.store import CsvStore

__all__ = ["CsvStore"]
