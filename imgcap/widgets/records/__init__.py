"""The feedback that was given, by anyone: found, paged, read in full, and taken along."""

from imgcap.widgets.records.panel import RecordsPanel

__all__ = ["RecordsPanel"]
