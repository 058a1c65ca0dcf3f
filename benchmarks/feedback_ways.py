"""The ways to keep feedback that are compared, and made-up feedback for them to keep."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pandas as pd

from imgcap.feedback import FeedbackRecord, open_store_at
from imgcap.feedback.csv.format import COLUMNS, cell_of
from imgcap.feedback.ids import uuid7
from imgcap.inference.results import Prediction

GRID_ROWS = 100
"""How many records the page shows at once."""

_START = datetime(2026, 1, 1, tzinfo=UTC)
_LABELS = ("a cat", "a dog", "a person", "a building", "nature", "a landscape", "food", "a car")
_SAID = "the caption is right, but I would have called it something else: two of them on a table. "


class Way(Protocol):
    """A place that feedback is kept in, as one process has it open."""

    def fill(self, records: Sequence[FeedbackRecord]) -> None:
        """Store many at once."""

    def append(self, record: FeedbackRecord) -> None:
        """Store one; return when a page would tell its visitor so."""

    def show(self) -> None:
        """Open the place once more, as a new page does, and get what its grid shows."""

    def comments(self) -> Iterator[str]:
        """Return the comment of each record that is there."""

    def close(self) -> None:
        """Free what is held."""


Maker = Callable[[], Way]
"""Opens a way; every process makes its own."""


class InStore:
    """A store of imgcap's.

    Parameters
    ----------
    address : str
        As in `imgcap.settings.Settings.feedback`.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._store = open_store_at(address)
        self.append = self._store.append
        self.fill = self._store.extend
        self.close = self._store.close

    def show(self) -> None:
        """Open the store once more, and get one page and the counts."""
        with closing(open_store_at(self._address)) as store:
            store.page(limit=GRID_ROWS)
            store.summary()

    def comments(self) -> Iterator[str]:
        """Return the comment of each record that can be read."""
        return (record.comment for record in self._store.iterate())


class Rewritten:
    """A file that is read whole, and written whole with one row more, for each record.

    So did the first version of the app, with pandas and the two columns Rating and Feedback. It
    neither keeps others from writing meanwhile nor waits until the disk has it.

    Parameters
    ----------
    path : Path
        The file.
    whole : bool
        Whether it holds all that a record has instead of the two columns.
    """

    def __init__(self, path: Path, *, whole: bool) -> None:
        self._path = path
        self._whole = whole

    def fill(self, records: Sequence[FeedbackRecord]) -> None:
        """Add to the file, which nobody timed."""
        new = not self._path.exists()
        self._frame(records).to_csv(self._path, mode="a", header=new, index=False)

    def append(self, record: FeedbackRecord) -> None:
        """Read all, add a row, write all."""
        frame = self._frame([record])
        if self._path.exists():
            frame = pd.concat([pd.read_csv(self._path), frame], ignore_index=True)
        frame.to_csv(self._path, index=False)

    def show(self) -> None:
        """Read all, of which the grid was made."""
        pd.read_csv(self._path)

    def comments(self) -> Iterator[str]:
        """Return the comment of each row that can be read."""
        column = "comment" if self._whole else "Feedback"
        try:
            frame = pd.read_csv(self._path, on_bad_lines="skip")
        except ValueError:  # writers that met have left no table
            return iter(())
        return iter(frame[column].astype(str) if column in frame else ())

    def close(self) -> None:
        """Do nothing: the file is open only while it is read or written."""

    def _frame(self, records: Sequence[FeedbackRecord]) -> pd.DataFrame:
        if self._whole:
            return pd.DataFrame(
                [[cell_of(name, getattr(each, name)) for name in COLUMNS] for each in records],
                columns=list(COLUMNS),
            )
        said = [(each.rating, each.comment) for each in records]
        return pd.DataFrame(said, columns=["Rating", "Feedback"])


def records(writer: int) -> Iterator[FeedbackRecord]:
    """Yield feedback without end, in the order of time; no comment comes twice."""
    chance = random.Random(writer)  # noqa: S311  # no secret
    complete = FeedbackRecord(
        rating=1,
        picture_name="IMG_20260101_120000.jpg",
        picture_sha256="5e" * 32,
        picture_width=4000,
        picture_height=3000,
        labels=_LABELS,
        templates=("a photo of {}",),
        predictions=tuple(Prediction(label, 0.2) for label in _LABELS[:5]),
        caption="a cat that sits on a wooden table",
        classifier="imgcap-align-small",
        captioner="imgcap-captioner-small",
        classify_ms=61.1,
        caption_ms=165.7,
        session=f"{chance.getrandbits(128):032x}",
    )
    time, number = _START, 0
    while True:
        time += timedelta(seconds=chance.randrange(60))
        number += 1
        yield complete.model_copy(  # each is a copy, for they have to be made faster than stored
            update={
                "id": uuid7(),
                "time": time,
                "rating": chance.randrange(1, 6),
                "comment": f"{_SAID * chance.randrange(3)}({writer}/{number})",
            }
        )
