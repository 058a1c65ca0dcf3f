"""What was found out about many pictures as one file: CSV, JSON lines or Parquet."""

from imgcap.results_file.formats import FORMATS, ResultFormat, format_of
from imgcap.results_file.row import COLUMNS, ResultRow, ResultsError, question_digest
from imgcap.results_file.run import ResultsRun

__all__ = [
    "COLUMNS",
    "FORMATS",
    "ResultFormat",
    "ResultRow",
    "ResultsError",
    "ResultsRun",
    "format_of",
    "question_digest",
]
