"""What the four container readers share: their result, their limits, and a file made of pieces."""

import io
import itertools
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Format = Literal["JPEG", "PNG", "WebP", "GIF"]
Piece = bytes | memoryview

MAX_PARTS = 300_000
"""Segments, chunks or sub-blocks walked in one file: above any real file, well under a second."""

MAX_PROFILE = 4 * 2**20
"""Bytes of a colour profile; larger ones are ignored."""

PLAIN_COST = 8
"""Bytes of memory a pixel of an ordinary picture takes at the worst moment: two RGB copies."""


class ContainerError(ValueError):
    """The container is damaged, incomplete, or built to be expensive."""


@dataclass(frozen=True)
class Container:
    """The first picture of a file, found but not decoded.

    Attributes
    ----------
    format
        What the content is, whatever the file is called.
    width, height
        Pixels, as stored (before the orientation is applied).
    pieces
        The file that the decoder gets, in pieces, mostly views of the original bytes.
    cost
        Bytes of memory a pixel takes at the worst moment of decoding and conversion.
    orientation
        1 to 8 as in EXIF; 1 where there is none or it cannot be read.
    profile
        The ICC profile, or nothing.
    """

    format: Format
    width: int
    height: int
    pieces: Sequence[Piece] = field(repr=False)
    cost: int = PLAIN_COST
    orientation: int = 1
    profile: bytes = field(default=b"", repr=False)


class Joined(io.RawIOBase):
    """A read-only, seekable file made of pieces that stay where they are in memory.

    Parameters
    ----------
    pieces
        The content, in order.
    """

    def __init__(self, pieces: Sequence[Piece]) -> None:
        self._pieces = [memoryview(piece) for piece in pieces if len(piece)]
        self._starts = [0, *itertools.accumulate(len(piece) for piece in self._pieces)]
        self._position = 0

    def readable(self) -> bool:
        """Say yes."""
        return True

    def seekable(self) -> bool:
        """Say yes."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte offset and return it, counted from the start."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._starts[-1]}
        self._position = max(0, origin[whence] + offset)
        return self._position

    def readinto(self, buffer: "WriteableBuffer") -> int:
        """Fill `buffer` from one piece and return the number of bytes; 0 at the end."""
        target = memoryview(buffer).cast("B")
        if self._position >= self._starts[-1]:
            return 0
        index = bisect_right(self._starts, self._position) - 1
        offset = self._position - self._starts[index]
        source = self._pieces[index][offset : offset + len(target)]
        target[: len(source)] = source
        self._position += len(source)
        return len(source)


def cut(view: memoryview, start: int, length: int) -> memoryview:
    """Take exactly `length` bytes; a `ContainerError` where the file is shorter."""
    if start + length > len(view):
        raise ContainerError("the file ends too early")
    return view[start : start + length]


def big(view: memoryview, start: int, length: int) -> int:
    """Read a big-endian unsigned number of `length` bytes."""
    return int.from_bytes(cut(view, start, length), "big")


def little(view: memoryview, start: int, length: int) -> int:
    """Read a little-endian unsigned number of `length` bytes."""
    return int.from_bytes(cut(view, start, length), "little")
