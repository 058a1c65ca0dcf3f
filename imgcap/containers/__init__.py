"""The outside of a picture file: which format, how large, and only the bytes its decoder needs.

A decoder that is handed a stranger's file also parses comments, thumbnails, animation frames and
other metadata: code that can warn, loop and allocate, and that a picture does not need. The
functions here walk the container once, in bounded time and without copying, and leave a list of
pieces that hold the first picture and nothing else. Orientation and colour profile, the two pieces
of metadata that change how a picture looks, are read here.
"""

from collections.abc import Callable

from imgcap.containers.base import PLAIN_COST, Container, ContainerError, Format, Joined
from imgcap.containers.gif import read_gif
from imgcap.containers.jpeg import read_jpeg
from imgcap.containers.png import SIGNATURE, read_png
from imgcap.containers.webp import read_webp

__all__ = [
    "PLAIN_COST",
    "SNIFF_BYTES",
    "Container",
    "ContainerError",
    "Format",
    "Joined",
    "read_container",
    "sniff_format",
]

SNIFF_BYTES = 12
"""How much of a file `sniff_format` needs to see."""

_READERS: dict[Format, Callable[[memoryview], Container]] = {
    "JPEG": read_jpeg,
    "PNG": read_png,
    "GIF": read_gif,
    "WebP": read_webp,
}


def sniff_format(head: bytes) -> Format | None:
    """Tell the format by the first `SNIFF_BYTES` bytes; None for anything but the four."""
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith(SIGNATURE):
        return "PNG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    return "WebP" if head[:4] == b"RIFF" and head[8:12] == b"WEBP" else None


def read_container(data: bytes) -> Container | None:
    """Find the first picture in a file's bytes.

    Parameters
    ----------
    data
        The whole file.

    Returns
    -------
    Container or None
        None where the content is none of JPEG, PNG, WebP and GIF.

    Raises
    ------
    ContainerError
        If it is one of the four but damaged, incomplete or made of absurdly many parts.
    """
    kind = sniff_format(data)
    if kind is None:
        return None
    try:
        return _READERS[kind](memoryview(data))
    except IndexError as error:
        raise ContainerError("the file ends too early") from error
