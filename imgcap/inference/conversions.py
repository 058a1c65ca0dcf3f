"""What is made once of a checkpoint's files: kept in one place, within one limit, and removed."""

import contextlib
import errno
import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout

from imgcap.inference.errors import CancelledError
from imgcap.inference.events import Cancel

LIMIT: Final = 4 * 2**30
"""Bytes that all conversions together may take; those used longest ago go first."""

_FOLDER: Final = "converted"
_SOURCES: Final = "sources.json"
_UNFINISHED: Final = ".unfinished-"
_FORGOTTEN_S: Final = 3600.0  # after which what is unfinished was left by a process that has ended

Identity = tuple[str, int, int]


def place(cache: Path, kind: object, sources: Sequence[Path]) -> Path:
    """Return the folder of a conversion, whether it is there or not.

    Parameters
    ----------
    cache : Path
        The folder of all that can be made again.
    kind : object
        What is made of the sources, as JSON has it; another kind has another folder.
    sources : sequence of Path
        The files that it is made of; changed ones have another folder.
    """
    told = json.dumps([kind, [_identity(file) for file in sources]])
    return cache / _FOLDER / hashlib.sha256(told.encode()).hexdigest()[:32]


def keep(  # noqa: PLR0913  # what, of what and how
    kept: Path,
    sources: Sequence[Path],
    size: int,
    make: Callable[[Path], None],
    is_whole: Callable[[Path], bool],
    *,
    cancel: Cancel | None = None,
) -> None:
    """Have a conversion in its folder, made now if it is not there.

    Of several processes that want it at once one makes it, and the others wait.

    Parameters
    ----------
    kept, sources
        As `place` returned and was given them.
    size : int
        The bytes that it takes at most.
    make : callable
        Writes it into a folder, which only gets its name when that is done.
    is_whole : callable
        Whether a folder holds it; asked with one that need not exist.
    cancel : callable, optional
        Asked while another process is waited for.

    Raises
    ------
    CancelledError
        If `cancel` said so.
    OSError
        If it cannot be kept: where nothing can be written to, or there is no room.
    """
    if not is_whole(kept):
        kept.parent.mkdir(parents=True, exist_ok=True)
        with _turn(kept.with_name(f"{_UNFINISHED}{kept.name}.lock"), cancel):
            if not is_whole(kept):
                _make(kept, sources, size, make)
    with contextlib.suppress(OSError):
        os.utime(kept)


def discard(kept: Path) -> None:
    """Remove a conversion; who has mapped its files keeps them."""
    with contextlib.suppress(OSError):
        # Renamed first, so that nobody finds half of it.
        doomed = kept.with_name(f"{_UNFINISHED}{kept.name}-{os.getpid()}")
        kept.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


@contextlib.contextmanager
def _turn(file: Path, cancel: Cancel | None) -> Iterator[None]:
    """Wait until no other process makes the same."""
    lock = FileLock(file)
    try:
        lock.acquire(cancel_check=cancel)
    except Timeout as error:
        raise CancelledError from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):  # where an open file cannot go, it is tidied away later
            file.unlink()  # before the release: who waits for it looks for another
        lock.release()


def _make(kept: Path, sources: Sequence[Path], size: int, make: Callable[[Path], None]) -> None:
    shelf = kept.parent
    with contextlib.suppress(OSError):  # another process may be tidying as well
        _tidy(shelf, LIMIT - size)
    # Twice the size, since a disk filled to the brim is everybody's trouble.
    if size > LIMIT or shutil.disk_usage(shelf).free < 2 * size:
        raise OSError(errno.ENOSPC, "There is no room for a conversion", str(shelf))
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=shelf))
    try:
        identities = [_identity(file) for file in sources]
        make(unfinished)
        (unfinished / _SOURCES).write_text(json.dumps(identities), encoding="utf-8")
        discard(kept)
        unfinished.rename(kept)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _tidy(shelf: Path, room: int) -> None:
    """Remove what nobody can use any more, and the longest unused of what has no room."""
    for left in shelf.glob(f"{_UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > _FORGOTTEN_S:
            left.unlink() if left.is_file() else shutil.rmtree(left, ignore_errors=True)
    entries = [entry for entry in shelf.iterdir() if not entry.name.startswith(_UNFINISHED)]
    for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True):
        room -= sum(file.stat().st_size for file in entry.iterdir())
        if room < 0 or not _has_sources(entry):
            discard(entry)


def _identity(file: Path) -> Identity:
    """Tell which file this is; in a hub's cache the resolved name is that of the content."""
    status = file.stat()
    return str(file.resolve()), status.st_size, status.st_mtime_ns


def _has_sources(entry: Path) -> bool:
    try:
        sources = json.loads((entry / _SOURCES).read_text(encoding="utf-8"))
        return all(list(_identity(Path(source[0]))) == source for source in sources)
    except (OSError, ValueError, TypeError, LookupError):
        return False
