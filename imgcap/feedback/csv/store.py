"""Feedback in one CSV file that many processes append to, and that a spreadsheet opens."""

import errno
import logging
import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from stat import S_ISREG
from threading import RLock
from typing import BinaryIO
from uuid import UUID

from filelock import FileLock, Timeout

from imgcap.feedback.csv.format import convert, encode, header, read_header
from imgcap.feedback.csv.index import Index
from imgcap.feedback.record import FeedbackError, FeedbackRecord
from imgcap.feedback.store import Outline, Page, Query, Store, Summary, outline_of

LOCK_SECONDS = 10.0
_LONGEST_HEADER = 2**16
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})

_log = logging.getLogger(__name__)


class CsvStore(Store):
    """A feedback file, and beside it its ``.lock``, ``.torn`` and ``.bak`` files.

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
        self._shown = Path(path)
        self._path = Path(path).expanduser().resolve()  # a link stays a link when it is replaced
        self._mutex = RLock()
        self._index: Index | None = None
        self._known: os.stat_result | None = None
        self._image: bytes | None = None  # of a foreign file

    def extend(self, records: Iterable[FeedbackRecord]) -> int:
        """Store many; return how many were new, once their rows are whole on disk."""
        return sum(map(self._add, records))

    def iterate(self, query: Query | None = None) -> Iterator[FeedbackRecord]:
        """Yield what `query` finds, in its order."""
        yield from self.page(query, limit=2**63).records

    def get(self, ids: Collection[UUID]) -> list[FeedbackRecord]:
        """Return the records with these ids, as far as they are there."""
        return [record for record in self.iterate() if record.id in ids]

    def outline(self) -> Iterator[Outline]:
        """Yield every record's outline."""
        return map(outline_of, self.iterate())

    def delete(self, ids: Collection[UUID]) -> int:
        """Remove the records with these ids."""
        raise NotImplementedError

    def _add(self, record: FeedbackRecord) -> bool:
        with self._explained("saved"), self._mutex:
            self._check_regular()
            self._path.parent.mkdir(parents=True, exist_ok=True)
            lock = f"{self._path}.lock"
            with (
                FileLock(lock, timeout=LOCK_SECONDS, poll_interval=0.01),
                self._for_append() as file,
            ):
                index, torn = self._refresh(file)
                if record in index:
                    os.fsync(file.fileno())  # whoever wrote it may have died before doing so
                    return False
                self._write(file, encode(record, index.names), torn)
                return True

    def page(self, query: Query | None = None, offset: int = 0, limit: int = 100) -> Page:
        """Return up to `limit` of the records that `query` finds, from the `offset`-th on."""
        query = query or Query()
        with self._explained("read"), self._mutex, self._for_reading() as file:
            index, _ = self._refresh(file)
            found = index.find(query)
            if query.text:
                likely = index.mentioning(file, found, query.text)
                records = [record for row in likely if (record := index.read(file, row))]
                records = [record for record in records if query.finds(record)]
                return Page(tuple(records[offset : offset + limit]), len(records))
            while True:
                page = [index.read(file, row) for row in found[offset : offset + limit]]
                if None not in page:
                    return Page(tuple(record for record in page if record), len(found))
                found = index.find(query)  # without the rows that turned out to be unreadable

    def summary(self) -> Summary:
        """Count the records by rating, without making them."""
        with self._explained("read"), self._mutex, self._for_reading() as file:
            index, _ = self._refresh(file)
            return Summary(index.ratings(), tuple(index.unreadable))

    def close(self) -> None:
        """Forget what is known of the file; a later call reads it again."""
        with self._mutex:
            self._index = self._known = self._image = None

    @contextmanager
    def _for_reading(self) -> Iterator[BinaryIO]:
        """Open the file, or what stands for one that is absent or foreign."""
        if not self._check_regular():
            self.close()
            yield BytesIO(header())
            return
        with self._path.open("rb") as file:
            if read_header(file.readline(_LONGEST_HEADER)) is not None:
                if self._image is not None:
                    self.close()
                yield file
                return
            if self._image is None or not self._unchanged(os.fstat(file.fileno())):
                self._image = self._converted(file)
                self._index = None
                self._known = os.fstat(file.fileno())
            yield BytesIO(self._image)

    @contextmanager
    def _for_append(self) -> Iterator[BinaryIO]:
        """Open the file, made or converted if need be; the lock is held."""
        if not self._check_regular():
            self._replace(header())
        with self._path.open("r+b", buffering=0) as file:
            if read_header(file.read(_LONGEST_HEADER).partition(b"\n")[0] + b"\n") is not None:
                yield file
                return
            content, size = self._converted(file), os.fstat(file.fileno()).st_size
        if size:
            self._keep_copy()
        self._replace(content)
        self.close()
        with self._path.open("r+b", buffering=0) as file:
            yield file

    def _check_regular(self) -> bool:
        """Whether the file is there; a device or pipe, that may have no end, is refused."""
        if not self._path.exists():
            return False
        if not S_ISREG(self._path.stat().st_mode):
            raise FeedbackError(f"“{self._shown}” is no file that feedback could be kept in.")
        return True

    def _converted(self, file: BinaryIO) -> bytes:
        modified = datetime.fromtimestamp(os.fstat(file.fileno()).st_mtime, UTC)
        file.seek(0)
        try:
            return convert(file.read(), modified)
        except FeedbackError as error:
            raise FeedbackError(
                f"“{self._shown}” cannot be used: {error}; move it away or mend it."
            ) from error

    def _refresh(self, file: BinaryIO) -> tuple[Index, bytes]:
        """Bring the index up to date; also return the unfinished row at the file's end."""
        index = self._index
        status = None if isinstance(file, BytesIO) else os.fstat(file.fileno())
        if index is None or (status and not self._grown(status)) or not index.still_fits(file):
            file.seek(0)
            first = file.read(_LONGEST_HEADER).partition(b"\n")[0] + b"\n"
            index = self._index = Index(read_header(first) or (), len(first))
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

    def _write(self, file: BinaryIO, row: bytes, torn: bytes) -> None:
        """Write the row at the end, all of it or, as far as the disk allows, nothing."""
        size = file.seek(0, os.SEEK_END)
        if torn:
            self._set_aside(torn)
            size = file.truncate(size - len(torn))
        file.seek(size - 1)
        if file.read(1) != b"\n":  # an editor took the last line break away
            row = b"\r\n" + row
        file.seek(size)
        try:
            written = file.write(row)
            while written < len(row):
                written += file.write(row[written:])
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(size)
                os.fsync(file.fileno())
            raise

    def _set_aside(self, torn: bytes) -> None:
        place = Path(f"{self._path}.torn")
        with place.open("ab") as file:
            file.write(torn + b"\r\n")
            file.flush()
            os.fsync(file.fileno())
        _sync_folder(self._path.parent)
        _log.warning("An unfinished row of %s was set aside in %s.", self._path, place)

    def _keep_copy(self) -> None:
        number = 1
        while (place := Path(f"{self._path}.{number}.bak")).exists():
            number += 1
        try:
            shutil.copy2(self._path, place)
            with place.open("rb+") as file:
                os.fsync(file.fileno())
        except BaseException:
            place.unlink(missing_ok=True)
            raise
        _log.warning("%s is converted; it was kept as %s.", self._path, place)

    def _replace(self, content: bytes) -> None:
        """Put the content in the file's place, so that a reader sees the old or the new."""
        new = Path(f"{self._path}.new")
        try:
            with new.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if self._path.exists():
                shutil.copymode(self._path, new)
            new.replace(self._path)
        except BaseException:
            new.unlink(missing_ok=True)
            raise
        _sync_folder(self._path.parent)

    @contextmanager
    def _explained(self, done: str) -> Iterator[None]:
        """Turn what the file system says into a sentence."""
        lost = f"The feedback could not be {done}: "
        try:
            yield
        except Timeout as error:
            raise FeedbackError(
                f"{lost}“{self._shown}” is in use by another program; try again."
            ) from error
        except OSError as error:
            raise FeedbackError(f"{lost}{self._reason(error)}.") from error
        except MemoryError as error:
            raise FeedbackError(f"{lost}there is not enough memory.") from error

    def _reason(self, error: OSError) -> str:
        if error.errno in _FULL:
            return "there is no room left on the disk"
        if error.errno in _FORBIDDEN:
            return f"this program may not open “{self._shown}”, or it is open in another one"
        return f"“{self._shown}” gives an error ({(error.strerror or 'unknown').lower()})"


def _identity(status: os.stat_result) -> tuple[int, ...]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _sync_folder(folder: Path) -> None:
    """Make names that are new in the folder survive a power cut, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
