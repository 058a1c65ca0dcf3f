"""Files that are there whole or not at all, and what the file system says, as a sentence."""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from filelock import Timeout

from imgcap.feedback.record import FeedbackError

PART: Final = ".part"
"""How the name of a file ends that is still being written, or never was finished."""

_FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_FORBIDDEN: Final = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
_NO_FOLDER: Final = frozenset({errno.ENOTDIR, errno.EEXIST})


@contextmanager
def explained(lost: str, shown: Path) -> Iterator[None]:
    """Turn an error of the file system, or a lock that others hold, into a `FeedbackError`.

    Parameters
    ----------
    lost : str
        What could not be done, as the beginning of a sentence.
    shown : Path
        The file that the error is about, as a person named it.
    """
    try:
        yield
    except Timeout as error:
        reason = f"“{shown}” is in use by another program; try again"
        raise FeedbackError(f"{lost}: {reason}.") from error
    except OSError as error:
        raise FeedbackError(f"{lost}: {_reason(error, shown)}.") from error
    except MemoryError as error:
        raise FeedbackError(f"{lost}: there is not enough memory.") from error


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file to write that takes the place of `path` once it is complete and on disk."""
    part = _part(path)
    try:
        with part.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """Make a folder that takes the place of `path`, and of all in it, once it is complete."""
    part = _part(path)
    try:
        part.mkdir()
        yield part
        if path.exists():
            old = _part(path)
            path.rename(old)
            part.rename(path)
            shutil.rmtree(old)
        else:
            part.rename(path)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make names that are new in the folder survive a power cut, where the system can."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _part(path: Path) -> Path:
    return path.with_name(f".{secrets.token_hex(8)}{PART}")


def _reason(error: OSError, shown: Path) -> str:
    if error.errno in _FULL:
        return "there is no room left on the disk"
    if error.errno in _FORBIDDEN:
        return f"this program may not open “{shown}”, or it is open in another one"
    if error.errno in _NO_FOLDER:
        return f"“{shown}” should lie in a folder, but a file is in its place"
    return f"“{shown}” gives an error ({(error.strerror or 'unknown').lower()})"
