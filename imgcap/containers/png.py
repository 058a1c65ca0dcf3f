"""PNG (ISO 15948): a signature and checksummed chunks."""

import zlib

from imgcap.containers.base import (
    MAX_PROFILE,
    Container,
    ContainerError,
    Piece,
    big,
    cut,
)
from imgcap.containers.exif import read_orientation

MAX_CHUNKS = 20_000
"""Enough for 64 MiB in chunks of 4 KiB; each is remembered until the picture is decoded."""

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER_LENGTH = 13
_NEEDED = frozenset({b"IHDR", b"PLTE", b"tRNS", b"iCCP", b"eXIf"})
_GREY, _TRUECOLOUR = 0, 2
_BYTE, _TWO_BYTES = 8, 16


def read_png(view: memoryview) -> Container:
    """Check every chunk, join the pixels into one, and leave text and animation behind."""
    kept: dict[bytes, memoryview] = {}
    pixels: list[memoryview] = []
    position = len(SIGNATURE)
    for _ in range(MAX_CHUNKS):
        length = big(view, position, 4)
        kind = bytes(cut(view, position + 4, 4))
        body = cut(view, position + 8, length)
        intact = big(view, position + 8 + length, 4) == zlib.crc32(body, zlib.crc32(kind))
        position += 12 + length
        if not intact:
            if not kind[:1].islower():  # the small letter marks what a viewer can do without
                raise ContainerError("a checksum does not match")
        elif kind == b"IDAT":
            pixels.append(body)
        elif kind == b"IEND":
            break
        elif kind in _NEEDED:
            kept.setdefault(kind, body)
    else:
        raise ContainerError("too many chunks")
    header = kept.get(b"IHDR", memoryview(b""))
    if len(header) != _HEADER_LENGTH or not pixels:
        raise ContainerError("no picture")
    pieces: list[Piece] = [SIGNATURE, *_chunk(b"IHDR", header)]
    if b"PLTE" in kept:
        pieces += _chunk(b"PLTE", kept[b"PLTE"])
    if b"tRNS" in kept:
        pieces += _chunk(b"tRNS", _transparency(header, kept[b"tRNS"]))
    return Container(
        "PNG",
        width=big(header, 0, 4),
        height=big(header, 4, 4),
        pieces=[*pieces, *_chunk(b"IDAT", *pixels), *_chunk(b"IEND")],
        orientation=read_orientation(kept.get(b"eXIf", b"")),
        profile=_profile(bytes(kept.get(b"iCCP", b""))),
    )


def _chunk(kind: bytes, *bodies: Piece) -> list[Piece]:
    checksum = zlib.crc32(kind)
    for body in bodies:
        checksum = zlib.crc32(body, checksum)
    length = sum(len(body) for body in bodies)
    return [length.to_bytes(4, "big") + kind, *bodies, checksum.to_bytes(4, "big")]


def _transparency(header: memoryview, body: memoryview) -> Piece:
    """Scale a transparent colour to the 8 bits that the decoder widens or narrows samples to.

    Left alone: 16-bit greyscale, which is decoded with all its bits, and 1-bit, which is not
    widened.
    """
    depth, colour = header[8], header[9]
    if colour == _TRUECOLOUR and depth == _TWO_BYTES:
        factor, divisor = 1, 256
    elif colour == _GREY and 1 < depth < _BYTE:
        factor, divisor = 255, 2**depth - 1
    else:
        return body
    samples = (big(body, start, 2) for start in range(0, len(body) - 1, 2))
    return b"".join(min(value * factor // divisor, 255).to_bytes(2, "big") for value in samples)


def _profile(body: bytes) -> bytes:
    """Unpack an `iCCP` chunk (name, zero, method, deflated profile); nothing if it is broken."""
    _, _, packed = body.partition(b"\0")
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(packed[1:], MAX_PROFILE)
    except zlib.error:
        return b""
    return profile if unpacker.eof else b""
