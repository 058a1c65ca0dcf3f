"""Weights in the dtype that is computed with, converted once and kept, so that they can be mapped.

A file whose dtype is the wanted one is mapped: its pages are read as they are needed, and processes
that map it share them. Converting while loading makes a copy that each process has to itself.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors import SafetensorError

from imgcap.inference.conversions import keep, place
from imgcap.inference.converting import convert, is_converted, is_in, size_in
from imgcap.inference.folders import CONFIG, GENERATION, SHARDS, weight_files

logger = logging.getLogger(__name__)

_BESIDE = CONFIG, GENERATION, SHARDS  # what transformers looks for beside the weights
_VERSION = 1  # of what is kept; another one finds nothing of this one's
_UNUSABLE = (OSError, ValueError, SafetensorError)


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
        kept = place(cache, ["weights", _VERSION, str(dtype)], [*files, *others])

        def make(target: Path) -> None:
            for file in files:
                convert(file, target / file.name, dtype)
            for file in others:
                shutil.copyfile(file, target / file.name)

        def is_whole(folder: Path) -> bool:
            return _is_whole(folder, files, dtype)

        keep(kept, [*files, *others], sum(size_in(file, dtype) for file in files), make, is_whole)
    except _UNUSABLE:
        logger.info("The weights in %s are converted in memory", weights, exc_info=True)
        return weights
    return kept


def _is_whole(kept: Path, files: Sequence[Path], dtype: torch.dtype) -> bool:
    try:
        return all(is_converted(kept / file.name, file, dtype) for file in files)
    except _UNUSABLE:
        return False
