"""Records as plain JSON values and back, for every format but CSV.

Text is written by `imgcap.feedback.text.escape`, so that programs whose text has no control
characters or halves of emoji (Arrow, PostgreSQL, Label Studio) can read what is exported.
"""

import json
from collections.abc import Callable
from typing import Any

from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.text import escape, unescape


def to_plain(record: FeedbackRecord) -> dict[str, Any]:
    """Return the record's fields as JSON values, with their text escaped."""
    # Not mode="json": that replaces halves of emoji in the names of an edit.
    fields = {name: _mapped(value, escape) for name, value in record.model_dump().items()}
    return {**fields, "id": str(record.id), "time": record.time.isoformat()}


def from_plain(value: object) -> FeedbackRecord:
    """Return the record that `to_plain` was given; raises `FeedbackError` for anything else."""
    if not isinstance(value, dict):
        raise FeedbackError("It is no record of feedback.")
    if "id" not in value or "time" not in value:  # made up, they would differ at each import
        raise FeedbackError("It has no id or no time.")
    return FeedbackRecord(**_mapped(value, unescape))


def to_json(record: FeedbackRecord) -> str:
    """Return the record as one line of ASCII, equal for equal records."""
    return json.dumps(to_plain(record), separators=(",", ":"))


def from_json(text: str | bytes) -> FeedbackRecord:
    """Return the record that `to_json` was given; raises `FeedbackError` for anything else."""
    return from_plain(parse(text))


def parse(text: str | bytes) -> Any:  # noqa: ANN401  # any JSON value
    """Read JSON of unknown origin; raises `FeedbackError`."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FeedbackError("It is not JSON.") from error


def located(place: str, error: FeedbackError) -> FeedbackError:
    """Say where something is wrong, such as at ``Line 3 of “feedback.jsonl”``."""
    said = str(error).rstrip(".")
    return FeedbackError(f"{place} cannot be imported: {said[:1].lower()}{said[1:]}.")


def _mapped(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401  # any JSON value
    match value:
        case str():
            return change(value)
        case list() | tuple():
            return [_mapped(each, change) for each in value]
        case dict():
            return {change(key): _mapped(each, change) for key, each in value.items()}
    return value
