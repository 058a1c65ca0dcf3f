"""WebP (RFC 9649): RIFF chunks, extended by a canvas and animation frames."""

from imgcap.containers.base import (
    MAX_PARTS,
    MAX_PROFILE,
    Container,
    ContainerError,
    Piece,
    cut,
    little,
)
from imgcap.containers.exif import EXIF_PREFIX, read_orientation

_COST = 20
"""Measured: two canvases, the frame, its copy, and Pillow's image, of four bytes a pixel each."""

_NEEDED = frozenset({b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"VP8 ", b"VP8L"})
_ALPHA_AND_ANIMATION = 0x12
_SIDE = 0x3FFF


def read_webp(view: memoryview) -> Container:
    """Keep the canvas and the first frame; leave metadata and later frames behind."""
    view = cut(view, 0, 8 + little(view, 4, 4))
    pieces: list[Piece] = []
    kept: dict[bytes, memoryview] = {}
    position = 12
    for _ in range(MAX_PARTS):
        if position >= len(view):
            break
        kind = bytes(cut(view, position, 4))
        length = little(view, position + 4, 4)
        body = cut(view, position + 8, length)
        if kind not in kept:
            kept[kind] = body
            if kind in _NEEDED:
                pieces += [view[position : position + 8], *_body(kind, body), b"\0" * (length & 1)]
        position += 8 + length + (length & 1)
    else:
        raise ContainerError("too many chunks")
    width, height = _canvas(kept)
    size = 4 + sum(len(piece) for piece in pieces)
    exif = bytes(kept.get(b"EXIF", b""))
    profile = kept.get(b"ICCP", b"")
    return Container(
        "WebP",
        width=width,
        height=height,
        pieces=[b"RIFF" + size.to_bytes(4, "little") + b"WEBP", *pieces],
        cost=_COST,
        orientation=read_orientation(exif.removeprefix(EXIF_PREFIX)),
        profile=bytes(profile) if len(profile) <= MAX_PROFILE else b"",
    )


def _body(kind: bytes, body: memoryview) -> list[Piece]:
    """Take the flags of profile, EXIF and XMP away with their chunks."""
    if kind == b"VP8X":
        return [bytes([body[0] & _ALPHA_AND_ANIMATION]), body[1:]]
    return [body]


def _canvas(chunks: dict[bytes, memoryview]) -> tuple[int, int]:
    """Width and height, before the decoder allocates them."""
    if extended := chunks.get(b"VP8X"):
        return little(extended, 4, 3) + 1, little(extended, 7, 3) + 1
    if lossy := chunks.get(b"VP8 "):
        return little(lossy, 6, 2) & _SIDE, little(lossy, 8, 2) & _SIDE
    if lossless := chunks.get(b"VP8L"):
        bits = little(lossless, 1, 4)
        return (bits & _SIDE) + 1, (bits >> 14 & _SIDE) + 1
    raise ContainerError("no picture")
