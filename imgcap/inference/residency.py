"""Giving memory back to the system that a process holds without needing it."""

import ctypes
import mmap
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

_MAPPINGS = Path("/proc/self/maps")
_KIND = ".safetensors"


def let_go(tensor: "torch.Tensor") -> None:
    """Give back the pages of a weight if they are a mapped file's; reading it brings them back.

    Where that cannot be told, nothing happens.
    """
    begin, size = tensor.data_ptr(), tensor.nbytes
    first = -(-begin // mmap.PAGESIZE) * mmap.PAGESIZE
    end = (begin + size) // mmap.PAGESIZE * mmap.PAGESIZE  # others' bytes are on the pages beside
    if sys.platform == "linux" and first < end and _is_of_file(first, end):
        system = ctypes.CDLL(None)
        system.madvise(ctypes.c_void_p(first), ctypes.c_size_t(end - first), mmap.MADV_DONTNEED)


def trim() -> None:
    """Give back what was freed and the allocator has kept, where it is GNU's."""
    if sys.platform == "linux":
        tidy = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if tidy is not None:
            tidy(0)


def _is_of_file(first: int, end: int) -> bool:
    """Say whether addresses are those of mapped weights: the system would empty any others."""
    try:
        lines = _MAPPINGS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    spans = (line.split(maxsplit=1)[0].split("-") for line in lines if line.endswith(_KIND))
    return any(int(low, 16) <= first and end <= int(high, 16) for low, high in spans)
