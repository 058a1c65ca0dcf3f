"""From what a person names (files, folders, `-`) to opened pictures, decoded a little ahead."""

import os
import stat
import sys
import threading
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from imgcap.containers import SNIFF_BYTES, sniff_format
from imgcap.images import Picture, PictureError, check_size, clean_name, open_picture
from imgcap.settings import Settings

STDIN: Final = "-"
SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif"})
"""In a folder, files named so are tried whatever they hold: a broken one is worth a word."""

MAX_WAITING_PIXELS: Final = 64_000_000
"""Decoded pictures that wait for the reader take at most about 256 MB (4 bytes a pixel)."""

_THREADS: Final = 2
_AHEAD: Final = 16


@dataclass(frozen=True)
class Source:
    """One picture to open.

    Attributes
    ----------
    file
        The path as it was named or found, or ``-``.
    data
        The bytes, where they could be read only once and are read already.
    error
        A sentence, where it is known already that there is nothing to open.
    """

    file: str
    data: bytes | None = field(default=None, repr=False)
    error: str = ""


def find_sources(paths: Iterable[str], settings: Settings) -> Iterator[Source]:
    """Turn what a person named into sources, one at a time.

    Folders are walked in sorted order, depth last. What starts with a dot is skipped there, and so
    is every file that neither is a picture by its first bytes nor has a picture's suffix. Links to
    folders are not followed. A file that is named itself is always tried.

    Parameters
    ----------
    paths
        Files, folders, or ``-`` for one picture on standard input.
    settings
        For the size limit.
    """
    for path in paths:
        if path != STDIN and Path(path).is_dir():
            yield from _walk(path)
        else:
            yield _name_one(path, settings)


def open_ahead(
    sources: Iterable[Source], settings: Settings
) -> Generator[tuple[Source, Picture | PictureError], None, None]:
    """Open pictures in threads, in order, while the caller works on those before.

    Close it if you stop early: it may keep threads waiting otherwise.

    Parameters
    ----------
    sources
        Consumed lazily, from the caller's thread.
    settings
        For the limits of `imgcap.images.open_picture`.

    Yields
    ------
    tuple of Source and Picture or PictureError
        The picture, or why there is none.
    """
    max_bytes, max_pixels = settings.max_upload_mb * 2**20, settings.max_pixels

    def work(ticket: int, source: Source) -> Picture | PictureError:
        gate.enter(ticket)
        try:
            data = _read(source, max_bytes)
            picture = open_picture(
                data, source.file, max_bytes=max_bytes, max_pixels=max_pixels, for_models=True
            )
        except PictureError as error:
            return error
        gate.hold(picture.width * picture.height)
        return picture

    pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="open-picture")
    waiting: deque[tuple[int, Source, Future[Picture | PictureError]]] = deque()
    numbered = enumerate(sources)
    with closing(_Gate(MAX_WAITING_PIXELS)) as gate:
        try:
            while True:
                while len(waiting) < _AHEAD and (following := next(numbered, None)):
                    waiting.append((*following, pool.submit(work, *following)))
                if not waiting:
                    break
                ticket, source, future = waiting.popleft()
                gate.serve(ticket)
                result = future.result()
                if isinstance(result, Picture):
                    gate.hold(-result.width * result.height)
                del future
                yield source, result
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


class _Gate:
    """Keeps threads from decoding more than the reader has room for.

    The picture that the reader waits for always gets through, so that no order of the threads can
    lock up.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0
        self._served = -1
        self._closed = False
        self._changed = threading.Condition()

    def enter(self, ticket: int) -> None:
        with self._changed:
            self._changed.wait_for(
                lambda: self._closed or self._held < self._limit or ticket <= self._served
            )
            if self._closed:
                raise CancelledError  # nobody waits for this one any more

    def hold(self, pixels: int) -> None:
        with self._changed:
            self._held += pixels
            self._changed.notify_all()

    def serve(self, ticket: int) -> None:
        with self._changed:
            self._served = ticket
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


def _name_one(path: str, settings: Settings) -> Source:
    limit = settings.max_upload_mb * 2**20 + 1
    if path == STDIN:
        return Source(path, data=sys.stdin.buffer.read(limit))
    # What is no ordinary file (a pipe of the shell's) is read here, where Ctrl-C reaches it.
    with suppress(OSError, ValueError):
        if not stat.S_ISREG(Path(path).stat().st_mode):
            with Path(path).open("rb") as file:
                return Source(path, data=file.read(limit))
    return Source(path)


def _read(source: Source, max_bytes: int) -> bytes:
    if source.error:
        raise PictureError(source.error)
    if source.data is not None:
        return source.data
    try:
        with Path(source.file).open("rb") as file:
            check_size(os.fstat(file.fileno()).st_size, source.file, max_bytes)
            return file.read(max_bytes + 1)
    except PictureError:
        raise
    except FileNotFoundError as error:
        raise PictureError(f"There is no file “{clean_name(source.file)}”.") from error
    except (OSError, ValueError) as error:
        raise PictureError(_unreadable(source.file, error)) from error


def _walk(folder: str) -> Iterator[Source]:
    failed: list[OSError] = []
    empty = True
    for parent, folders, files in os.walk(folder, onerror=failed.append):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            path = Path(parent, name)
            if not name.startswith(".") and _could_be_picture(path):
                empty = False
                yield Source(str(path))
    for error in failed:
        yield Source(str(error.filename), error=_unreadable(str(error.filename), error))
    if empty and not failed:
        yield Source(folder, error=f"There is no picture in the folder “{clean_name(folder)}”.")


def _could_be_picture(path: Path) -> bool:
    try:
        if not path.is_file():
            return False
        if path.suffix.lower() in SUFFIXES:
            return True
        with path.open("rb") as file:
            return sniff_format(file.read(SNIFF_BYTES)) is not None
    except OSError:
        return False


def _unreadable(file: str, error: Exception) -> str:
    reason = getattr(error, "strerror", None) or "it is no file"
    return f"“{clean_name(file)}” could not be read: {reason}."
