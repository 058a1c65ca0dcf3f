"""Weights in the dtype that is computed with, converted once and kept, so that they can be mapped.

A file whose dtype is the wanted one is mapped: its pages are read as they are needed, and processes
that map it share them. Converting while loading makes a copy that each process has to itself.
"""

import contextlib
import errno
import hashlib
import json
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError

from imgcap.inference.converting import convert, is_converted, is_in, size_in
from imgcap.inference.folders import CONFIG, GENERATION, SHARDS, weight_files

logger = logging.getLogger(__name__)

LIMIT = 4 * 2**30
"""Bytes that all converted weights together may take; those used longest ago go first."""

_FOLDER = "weights"
_BESIDE = CONFIG, GENERATION, SHARDS  # what transformers looks for beside the weights
_VERSION = 1  # of what is kept; another one finds nothing of this one's
_SOURCES = "sources.json"
_UNFINISHED = ".unfinished-"
_FORGOTTEN_S = 3600.0  # after which what is unfinished was left by a process that has ended
_UNUSABLE = (OSError, ValueError, SafetensorError)

Identity = tuple[str, int, int]


def converted(weights: Path, dtype: torch.dtype, cache: Path) -> Path:
    """Return a folder with a checkpoint's safetensors files in a dtype.

    Parameters
    ----------
    weights : Path
        The folder of the checkpoint's own files.
    dtype : torch.dtype
        Of all weights that are not whole numbers.
    cache : Path
        What is converted is kept below it, under what tells its source from any other.

    Returns
    -------
    Path
        `weights` itself where nothing has to be converted, or where nothing can be kept: a cache
        that cannot be written to or a full disk costs memory and time, but no answer.
    """
    files = weight_files(weights)
    try:
        if all(is_in(file, dtype) for file in files):
            return weights
        others = [weights / name for name in _BESIDE if (weights / name).is_file()]
        kept = cache / _FOLDER / _key([*files, *others], dtype)
        if not _is_complete(kept, files, dtype):
            _make(files, others, dtype, kept)
    except _UNUSABLE:
        logger.info("The weights in %s are converted in memory", weights, exc_info=True)
        return weights
    with contextlib.suppress(OSError):
        os.utime(kept)
    return kept


def discard(kept: Path) -> None:
    """Remove converted weights; who has mapped them keeps them."""
    with contextlib.suppress(OSError):
        # Renamed first, so that nobody finds half of them.
        doomed = kept.with_name(f"{_UNFINISHED}{kept.name}-{os.getpid()}")
        kept.rename(doomed)
        shutil.rmtree(doomed, ignore_errors=True)


def _key(files: Sequence[Path], dtype: torch.dtype) -> str:
    told = json.dumps([_VERSION, str(dtype), [_identity(file) for file in files]])
    return hashlib.sha256(told.encode()).hexdigest()[:32]


def _identity(file: Path) -> Identity:
    """Tell which file this is; in a hub's cache the resolved name is that of the content."""
    status = file.stat()
    return str(file.resolve()), status.st_size, status.st_mtime_ns


def _is_complete(kept: Path, files: Sequence[Path], dtype: torch.dtype) -> bool:
    try:
        return all(is_converted(kept / file.name, file, dtype) for file in files)
    except _UNUSABLE:
        return False


def _make(files: Sequence[Path], others: Sequence[Path], dtype: torch.dtype, kept: Path) -> None:
    """Write converted files into a folder that only gets its name when it is complete."""
    shelf = kept.parent
    shelf.mkdir(parents=True, exist_ok=True)
    size = sum(size_in(file, dtype) for file in files)
    with contextlib.suppress(OSError):  # another process may be tidying as well
        _tidy(shelf, LIMIT - size)
    # Twice the size, since a disk filled to the brim is everybody's trouble.
    if size > LIMIT or shutil.disk_usage(shelf).free < 2 * size:
        raise OSError(errno.ENOSPC, "There is no room for converted weights", str(shelf))
    unfinished = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=shelf))
    try:
        for file in files:
            convert(file, unfinished / file.name, dtype)
        for file in others:
            shutil.copyfile(file, unfinished / file.name)
        sources = [_identity(file) for file in (*files, *others)]
        (unfinished / _SOURCES).write_text(json.dumps(sources), encoding="utf-8")
        if not _is_complete(kept, files, dtype):  # another process may have been faster
            discard(kept)
            unfinished.rename(kept)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _tidy(shelf: Path, room: int) -> None:
    """Remove what nobody can use any more, and the longest unused of what has no room."""
    for left in shelf.glob(f"{_UNFINISHED}*"):
        if time.time() - left.stat().st_mtime > _FORGOTTEN_S:
            shutil.rmtree(left, ignore_errors=True)
    entries = [entry for entry in shelf.iterdir() if not entry.name.startswith(_UNFINISHED)]
    for entry in sorted(entries, key=lambda entry: entry.stat().st_mtime, reverse=True):
        room -= sum(file.stat().st_size for file in entry.iterdir())
        if room < 0 or not _has_sources(entry):
            discard(entry)


def _has_sources(entry: Path) -> bool:
    try:
        sources = json.loads((entry / _SOURCES).read_text(encoding="utf-8"))
        return all(list(_identity(Path(source[0]))) == source for source in sources)
    except (OSError, ValueError, TypeError, LookupError):
        return False
