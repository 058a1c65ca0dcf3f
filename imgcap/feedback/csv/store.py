"""Feedback in one CSV file that many processes append to, and that a spreadsheet opens."""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from threading import RLock
from typing import BinaryIO, TypeVar
from uuid import UUID

from imgcap.feedback.csv.foreign import convert
from imgcap.feedback.csv.format import COLUMNS, chunks, encode, header, read_header
from imgcap.feedback.csv.index import Index
from imgcap.feedback.csv.place import Place
from imgcap.feedback.csv.scan import spliced, with_all_columns
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Outline, Page, Query, Store, Summary

_LONGEST_HEADER = 2**16
_RECORDS_AT_ONCE, _OUTLINES_AT_ONCE = 100, 5_000  # a record may take megabytes

T = TypeVar("T")


class CsvStore(Store):
    """A feedback file; see `imgcap.feedback.csv.place` for the files beside it.

    Writers take turns by the lock; readers need none, because a row is either whole or not there
    (see `imgcap.feedback.csv.format`). A file in another form is read as it is; the next writer
    converts it and keeps a copy.

    Parameters
    ----------
    path : str or Path
        The file, made with its folder when the first record is stored. A relative path starts
        at the directory that is current now.
    """

    def __init__(self, path: str | Path) -> None:
        self._place = Place(path)
        self._mutex = RLock()
        self._index: Index | None = None
        self._known: os.stat_result | None = None
        self._image: bytes | None = None  # of a foreign file

    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        """Store many; return how many were new, once their rows are whole on disk.

        They are written in chunks of a few megabytes: each is stored as a whole or not at all.
        """
        return sum(map(self._add, chunks(records)))

    def iterate(self, query: Query | None = None) -> Iterator[FeedbackRecord]:
        """Yield what `query` finds, in its order; only ids are held in memory."""
        with self._reading() as (index, file):
            ids = index.ids_of(index.find(file, query or Query()))
        return self._walk(ids, _RECORDS_AT_ONCE, Index.read)

    def page(self, query: Query | None = None, offset: int = 0, limit: int = 100) -> Page:
        """Return up to `limit` of the records that `query` finds, from the `offset`-th on."""
        with self._reading() as (index, file):
            while True:
                found = index.find(file, query or Query())
                rows = found[offset : offset + limit]
                records = index.read(file, rows)
                if len(records) == len(rows):  # else some turned out to be unreadable
                    return Page(tuple(records), len(found))

    def get(self, ids: Collection[UUID]) -> list[FeedbackRecord]:
        """Return the records with these ids, as far as they are there."""
        wanted = [each.int for each in set(ids)]
        return list(self._walk(wanted, _RECORDS_AT_ONCE, Index.read))

    def summary(self) -> Summary:
        """Count the records by rating, without making them."""
        with self._reading() as (index, _):
            return Summary(index.ratings(), tuple(index.unreadable))

    def outline(self) -> Iterator[Outline]:
        """Yield every record's outline, oldest first, without making the records."""
        with self._reading() as (index, file):
            ids = index.ids_of(index.find(file, Query(descending=False)))
        return self._walk(ids, _OUTLINES_AT_ONCE, Index.outlines)

    def picture_counts(self, pictures: Collection[str]) -> dict[str, int]:
        """Count, for each of these kept pictures that some name, the records that name it."""
        with self._reading() as (index, _):
            counts = {each: index.pictures[bytes.fromhex(each)] for each in pictures}
        return {picture: number for picture, number in counts.items() if number}

    def delete(self, ids: Collection[UUID]) -> int:
        """Remove the records with these ids for good; return how many were there.

        The file is replaced by one without them, and so are its ``.torn`` and ``.bak`` files
        where they hold any. A backup in a foreign form that held some is then in our form.

        Raises
        ------
        FeedbackError
            Also if the records were removed, but a file beside may still hold them.
        """
        wanted = {each.int for each in ids}
        with self._place.explained("deleted"), self._mutex:
            here = self._place.exists()
            if not here and not self._place.beside():
                return 0
            with self._place.locked():
                count = self._remove(wanted) if here else 0
                left = [each.name for each in self._place.beside() if not self._rid(each, wanted)]
        if left:
            raise FeedbackError(
                f"The feedback was deleted from “{self._place.shown}”, but may still stand in "
                f"“{'” and “'.join(left)}”, which could not be changed: remove that yourself."
            )
        return count

    def close(self) -> None:
        """Forget what is known of the file; a later call reads it again."""
        with self._mutex:
            self._index = self._known = self._image = None

    def _add(self, chunk: Sequence[tuple[FeedbackRecord, bytes]]) -> int:
        place = self._place
        with place.explained("saved"), self._mutex:
            place.exists()  # a folder or device gets no lock beside it
            with place.locked(), self._for_writing() as file:
                index, torn = self._refresh(file)
                new: dict[UUID, bytes] = {}
                for record, row in chunk:
                    if record.id.int not in index and record.id not in new:
                        ours = index.names == COLUMNS
                        new[record.id] = row if ours else encode(record, index.names)
                place.set_aside(file, torn)
                place.append(file, b"".join(new.values()))
                return len(new)

    def _remove(self, ids: Collection[int]) -> int:
        with self._for_writing() as file:
            index, torn = self._refresh(file)
            self._place.set_aside(file, torn)
            cuts = index.cuts(file, ids)
            if cuts:
                self._place.write_new(spliced(file, cuts))
        if cuts:
            self._place.put_new(self._place.path)
        return len(index.rows_of(ids))

    def _rid(self, beside: Path, ids: Collection[int]) -> bool:
        """Take the ids out of a file beside ours; return whether it is sure to hold none now."""
        try:
            if beside == self._place.new:  # a writer was killed
                beside.unlink()
                return True
            with beside.open("rb") as file:
                torn = beside == self._place.torn
                ours = file if torn else self._in_our_form(file)
                index = Index(COLUMNS, 0) if torn else _index_of(ours)
                if not torn:
                    index.extend(ours)
                cuts = index.cuts(ours, ids)
                if cuts:
                    self._place.write_new(spliced(ours, cuts))
            if cuts:
                self._place.put_new(beside)
        except (OSError, FeedbackError):
            return False
        return True

    @contextmanager
    def _reading(self) -> Iterator[tuple[Index, BinaryIO]]:
        """Open what can be read of the feedback now, for as long as no other thread does."""
        with self._place.explained("read"), self._mutex, self._for_reading() as file:
            index, _ = self._refresh(file)
            yield index, file

    def _walk(
        self,
        ids: Sequence[int],
        at_once: int,
        read: Callable[[Index, BinaryIO, Sequence[int]], Iterable[T]],
    ) -> Iterator[T]:
        """Yield what is read of these ids, finding each anew: the file may be replaced between."""
        for start in range(0, len(ids), at_once):
            with self._reading() as (index, file):
                found = [*read(index, file, index.rows_of(ids[start : start + at_once]))]
            yield from found

    @contextmanager
    def _for_reading(self) -> Iterator[BinaryIO]:
        """Open the file, or what stands for one that is absent or foreign."""
        if not self._place.exists():
            self.close()
            yield BytesIO(header())
            return
        with self._place.path.open("rb") as file:
            if _names_of(file) is not None:
                if self._image is not None:
                    self.close()
                yield file
                return
            if self._image is None or not self._unchanged(os.fstat(file.fileno())):
                self._image = b"".join(self._converted(file))
                self._index = None
                self._known = os.fstat(file.fileno())
            yield BytesIO(self._image)

    @contextmanager
    def _for_writing(self) -> Iterator[BinaryIO]:
        """Open the file, made or converted if need be; the lock is held."""
        place = self._place
        if not place.exists():
            place.write_new([header()])
            place.put_new(place.path)
        with place.path.open("r+b", buffering=0) as file:
            names = _names_of(file)
            if names is not None and set(COLUMNS) <= set(names):
                yield file
                return
            copy = place.keep_copy() if os.fstat(file.fileno()).st_size else None
            try:
                place.write_new(self._converted(file))
            except BaseException:
                if copy:
                    copy.unlink()
                raise
        place.put_new(place.path)
        self.close()
        with place.path.open("r+b", buffering=0) as file:
            yield file

    def _converted(self, file: BinaryIO) -> Iterator[bytes]:
        """Yield the content of a foreign file, or of one that lacks columns, in our form."""
        names = _names_of(file)
        if names is not None:
            yield from with_all_columns(file, names, len(header(names)))
            return
        try:
            yield from convert(file, datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC))
        except FeedbackError as error:
            raise FeedbackError(
                f"“{self._place.shown}” cannot be used: {error}; move it away or mend it."
            ) from error

    def _in_our_form(self, file: BinaryIO) -> BinaryIO:
        return file if _names_of(file) is not None else BytesIO(b"".join(self._converted(file)))

    def _refresh(self, file: BinaryIO) -> tuple[Index, bytes]:
        """Bring the index up to date; also return the unfinished row at the file's end."""
        index = self._index
        status = None if isinstance(file, BytesIO) else os.fstat(file.fileno())
        if index is None or (status and not self._grown(status)) or not index.still_fits(file):
            index = self._index = _index_of(file)
        torn = index.extend(file)
        if status:
            self._known = status
        return index, torn

    def _unchanged(self, status: os.stat_result) -> bool:
        known = self._known
        return known is not None and _identity(known) == _identity(status)

    def _grown(self, status: os.stat_result) -> bool:
        """Whether this is the known file with nothing but more rows, as far as its size tells."""
        known = self._known
        if known is None or (known.st_dev, known.st_ino) != (status.st_dev, status.st_ino):
            return False
        return status.st_size > known.st_size or self._unchanged(status)


def _names_of(file: BinaryIO) -> tuple[str, ...] | None:
    """Return the columns of a file in our form, None if it is foreign."""
    file.seek(0)
    return read_header(file.read(_LONGEST_HEADER).partition(b"\n")[0] + b"\n")


def _index_of(file: BinaryIO) -> Index:
    names = _names_of(file) or ()
    return Index(names, len(header(names)))


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns
