"""JPEG (ITU T.81): marker segments around entropy-coded scans."""

import re
from dataclasses import dataclass, field

from imgcap.containers.base import (
    MAX_PARTS,
    MAX_PROFILE,
    PLAIN_COST,
    Container,
    ContainerError,
    Piece,
    big,
    cut,
)
from imgcap.containers.exif import EXIF_PREFIX, read_orientation

MAX_SCANS = 64
"""Passes over the pixels of one picture; encoders write about ten, an attacker thousands."""

_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_PROGRESSIVE = frozenset({0xC2, 0xC6, 0xCA, 0xCE})
_END = 0xD9
_SCAN = 0xDA
_JFIF = 0xE0
_EXIF = 0xE1
_PROFILE = 0xE2
_ADOBE = 0xEE
_METADATA = frozenset({*range(0xE0, 0xF0), 0xFE})
_NEEDED = {_JFIF: b"JFIF\0", _ADOBE: b"Adobe"}  # these tell the decoder the colour space
_PROFILE_PREFIX = b"ICC_PROFILE\0"


@dataclass
class _Walk:
    """What has been seen of the first picture so far."""

    pieces: list[Piece]
    frame: memoryview | None = None
    scans: int = 0
    buffered: bool = False  # the decoder has to keep every coefficient until the last scan
    exif: Piece = b""
    profile: dict[int, bytes] = field(default_factory=dict)

    def add(self, marker: int, segment: memoryview) -> None:
        body = segment[4:]
        if marker in _METADATA:
            self._note(marker, body)
            if bytes(body[:5]) != _NEEDED.get(marker):
                return
        elif marker in _FRAMES:
            if self.frame is not None:
                raise ContainerError("two frames")
            self.frame = body
            self.buffered = marker in _PROGRESSIVE
        elif marker == _SCAN:
            self.scans += 1
            self.buffered |= self.frame is None or body[0] < self.frame[5]
        self.pieces.append(segment)

    def _note(self, marker: int, body: memoryview) -> None:
        if marker == _EXIF and not self.exif and bytes(body[:6]) == EXIF_PREFIX:
            self.exif = body[6:]
        elif marker == _PROFILE and bytes(body[:12]) == _PROFILE_PREFIX:
            self.profile[body[12]] = bytes(body[14:])


def read_jpeg(view: memoryview) -> Container:
    """Walk to the end of the first picture, whatever follows it, and leave metadata behind."""
    walk = _Walk([view[:2]])
    position = 2
    for _ in range(MAX_PARTS):
        found = _MARKER.search(view, position)
        if found is None:
            raise ContainerError("no end of image")
        start = found.start()
        if walk.scans:
            walk.pieces.append(view[position:start])
        marker = view[start + 1]
        if marker == _END:
            break
        position = start + 2 + max(2, big(view, start + 2, 2))
        walk.add(marker, cut(view, start, position - start))
    else:
        raise ContainerError("too many segments")
    if walk.frame is None or not 0 < walk.scans <= MAX_SCANS:
        raise ContainerError("no picture, or too many scans")
    profile = b"".join(walk.profile[part] for part in sorted(walk.profile))
    return Container(
        "JPEG",
        width=big(walk.frame, 3, 2),
        height=big(walk.frame, 1, 2),
        pieces=[*walk.pieces, b"\xff\xd9"],
        cost=max(PLAIN_COST, _buffered_cost(walk.frame) if walk.buffered else 0),
        orientation=read_orientation(walk.exif),
        profile=profile if len(profile) <= MAX_PROFILE else b"",
    )


def _buffered_cost(frame: memoryview) -> int:
    """Bytes a pixel while all coefficients, of two bytes each, are held beside the pixels."""
    sampling = [frame[6 + 3 * component + 1] for component in range(frame[5])]
    across = [factors >> 4 for factors in sampling]
    down = [factors & 15 for factors in sampling]
    if not (all(across) and all(down) and sampling):
        raise ContainerError("a component without samples")
    samples = sum(x * y for x, y in zip(across, down, strict=True))
    pixel = 1 if len(sampling) == 1 else 4
    return pixel + -(-2 * samples // (max(across) * max(down)))
