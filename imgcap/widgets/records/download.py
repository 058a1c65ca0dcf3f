"""The records that a query finds as a file for a browser, of a bounded size."""

from io import BytesIO
from itertools import islice
from typing import Final

from imgcap.feedback import FeedbackError, Query, Store
from imgcap.feedback.exchange import export

MOST_RECORDS: Final = 100_000
MOST_BYTES: Final = 2**28
_INSTEAD: Final = "Narrow the search, or use “imgcap feedback export” in a terminal."


def exported(store: Store, query: Query, format_name: str) -> bytes:
    """Return what a query finds in a format of `imgcap.feedback.exchange`.

    Raises
    ------
    FeedbackError
        If that is too much for a page, or cannot be read.
    """
    total = store.page(query, limit=1).total
    if total > MOST_RECORDS:
        raise FeedbackError(
            f"A page hands over {MOST_RECORDS:,} records at most, and these are {total:,}. "
            f"{_INSTEAD}"
        )
    file = _Bounded()
    export(islice(store.iterate(query), MOST_RECORDS), file, format_name)
    return file.getvalue()


class _Bounded(BytesIO):
    def write(self, data: bytes, /) -> int:  # type: ignore[override]  # what export writes
        if self.tell() + len(data) > MOST_BYTES:
            raise FeedbackError(
                f"A page hands over {MOST_BYTES // 2**20} MiB at most, and this is more. {_INSTEAD}"
            )
        return super().write(data)
