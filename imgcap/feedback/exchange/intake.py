"""Store what an import yields, and know how far it came when it ends early."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Store

_BATCH: Final = 200


@dataclass(frozen=True)
class Taken:
    """How many records of a batch are safe, and how many of them the store did not have before."""

    count: int
    new: int


def take_in(records: Iterable[FeedbackRecord], store: Store) -> Iterator[Taken]:
    """Store the records batch by batch; yield after each, once it is safe.

    Doing it again stores nothing twice.

    Raises
    ------
    FeedbackError
        If the store fails, or the records do; in that case all before are stored and told.
    """
    waiting = iter(records)
    problem: FeedbackError | None = None
    while problem is None:
        batch: list[FeedbackRecord] = []
        try:
            while len(batch) < _BATCH and (record := next(waiting, None)):
                batch.append(record)
        except FeedbackError as error:
            problem = error
        if batch:
            yield Taken(len(batch), store.extend(batch))
        elif problem is None:
            return
    raise problem
