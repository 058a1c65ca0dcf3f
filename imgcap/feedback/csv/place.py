"""Where a feedback file lies: its lock, its writing in whole pieces, and the files beside it."""

import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from glob import escape
from pathlib import Path
from stat import S_ISREG
from typing import BinaryIO

from filelock import FileLock

from imgcap.feedback.files import explained, sync_folder
from imgcap.feedback.record import FeedbackError

LOCK_SECONDS = 10.0
_BLOCK = 2**22

_log = logging.getLogger(__name__)


class Place:
    """A file and, beside it, its ``.lock``, ``.torn``, ``.N.bak`` and, for a moment, ``.new``.

    Parameters
    ----------
    path : str or Path
        A relative path starts at the directory that is current now.
    """

    def __init__(self, path: str | Path) -> None:
        self.shown = Path(path)
        # A link stays a link when the file is replaced.
        self.path = Path(os.path.realpath(os.path.expanduser(path)))  # noqa: PTH111  # may not raise
        self.torn = Path(f"{self.path}.torn")
        self.new = Path(f"{self.path}.new")

    def exists(self) -> bool:
        """Whether the file is there; a device or pipe, that may have no end, is refused."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            return False
        if not S_ISREG(status.st_mode):
            raise FeedbackError(f"“{self.shown}” is no file that feedback could be kept in.")
        return True

    def beside(self) -> list[Path]:
        """Return the files beside it that may hold rows."""
        copies = self.path.parent.glob(f"{escape(self.path.name)}.[0-9]*.bak")
        return [each for each in (self.torn, self.new, *sorted(copies)) if each.exists()]

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other writers out; the folder is made if need be."""
        folder = self.path.parent
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        folder.mkdir(parents=True, exist_ok=True)
        for each in missing:
            sync_folder(each.parent)
        with FileLock(f"{self.path}.lock", timeout=LOCK_SECONDS, poll_interval=0.01):
            yield

    def append(self, file: BinaryIO, rows: bytes) -> None:
        """Write rows at the end, all of them or, as far as the disk allows, nothing.

        Without rows, what another program may have written is made safe.
        """
        size = file.seek(0, os.SEEK_END)
        file.seek(size - 1)
        if rows and file.read(1) != b"\n":  # an editor took the last line break away
            rows = b"\r\n" + rows
        file.seek(size)
        try:
            left = memoryview(rows)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except BaseException:
            with suppress(OSError):
                file.truncate(size)
                os.fsync(file.fileno())
            raise

    def set_aside(self, file: BinaryIO, torn: bytes) -> None:
        """Move the unfinished row, if there is one, from the file's end to the ``.torn`` file."""
        if not torn:
            return
        with self.torn.open("ab") as other:
            other.write(torn + b"\r\n")
            other.flush()
            os.fsync(other.fileno())
        sync_folder(self.path.parent)
        file.truncate(file.seek(0, os.SEEK_END) - len(torn))
        _log.warning("An unfinished row of %s was set aside in %s.", self.path, self.torn)

    def keep_copy(self) -> Path:
        """Copy the file to the next free ``.N.bak``, and return that."""
        number = 1
        while (place := Path(f"{self.path}.{number}.bak")).exists():
            number += 1
        with self.path.open("rb") as file:
            self.write_new(iter(lambda: file.read(_BLOCK), b""))
        shutil.copystat(self.path, self.new)
        self.put_new(place)
        _log.warning("%s is converted; it was kept as %s.", self.path, place)
        return place

    def write_new(self, pieces: Iterable[bytes]) -> None:
        """Write what is to take the place of a file by `put_new`."""
        try:
            with self.new.open("wb") as file:
                file.writelines(pieces)
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            self.new.unlink(missing_ok=True)
            raise

    def put_new(self, place: Path) -> None:
        """Put what was written in a file's place, so that a reader sees the old or the new."""
        try:
            if place.exists():
                shutil.copymode(place, self.new)
                with suppress(OSError, AttributeError):  # only root may, and there is no root
                    os.chown(self.new, place.stat().st_uid, place.stat().st_gid)
            self.new.replace(place)
        except BaseException:
            self.new.unlink(missing_ok=True)
            raise
        sync_folder(self.path.parent)

    def explained(self, done: str) -> AbstractContextManager[None]:
        """Turn what the file system says into a sentence."""
        return explained(f"The feedback could not be {done}", self.shown)
