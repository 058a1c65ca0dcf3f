"""The pictures that visitors allowed to be kept: copies without metadata, named by content."""

import hashlib
import os
import re
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Final

from filelock import ReadWriteLock
from PIL import Image

from imgcap.containers import Container, Format, read_container, sniff_format
from imgcap.feedback.files import PART, explained, sync_folder, whole_file
from imgcap.feedback.record import FeedbackError
from imgcap.images import Picture, PictureError, open_picture
from imgcap.settings import usable_settings

_SUFFIXES: Final[dict[Format, str]] = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp"}
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_LOCK: Final = ".lock"
_LOCK_SECONDS: Final = 10.0
_MEBI: Final = 2**20
_STRIP_PIXELS: Final = 2**20

# A JPEG's segments that hold pixels, and, cut to what decoders read, those of the colour space.
_SEGMENTS: Final = frozenset({*range(0xC0, 0xD0), 0xD9, 0xDA, 0xDB, 0xDC, 0xDD})
_SEGMENT: Final = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_JFIF: Final = b"\xff\xe0\x00\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0"
_ADOBE: Final = b"\xff\xee\x00\x0e"
_ADOBE_END: Final = 16
_EXIF, _PROFILE = 0xE1, 0xE2
_ORIENTATION: Final = 0x0112
_LONGEST_PART: Final = 2**16 - 1 - 2 - len(b"ICC_PROFILE\0") - 2


class PictureFolder:
    """A folder of pictures that no web server serves; made when the first is kept.

    A picture lies at ``ab/ab12….jpg``: its name is the SHA-256 of its bytes, so that the same
    picture is kept once. Only the owner may look into the folder. Whoever keeps a picture does it
    within `saving` until the record that names it is stored, lest someone `removing` pictures
    take it for one that nothing names.

    Parameters
    ----------
    path : str or Path
        Such as `Settings.pictures`.
    """

    def __init__(self, path: str | Path) -> None:
        self._shown = Path(path)
        self.folder = Path(path).expanduser().resolve()

    def keep(self, data: bytes, name: str = "picture") -> str:
        """Keep a picture without its metadata; return once it is on disk.

        What is kept has no GPS position, camera, comment, thumbnail or anything behind the
        picture, and `imgcap.images.open_picture` gives the same pixels of it. Keeping a kept
        picture again keeps the same bytes.

        Parameters
        ----------
        data : bytes
            The file that was uploaded: JPEG, PNG, WebP or GIF.
        name : str
            What a message calls it.

        Returns
        -------
        str
            SHA-256 of the kept bytes, hexadecimal.

        Raises
        ------
        FeedbackError
            If it is no picture, or there is no room.
        """
        sha256, _ = self.add(data, name)
        return sha256

    def add(self, data: bytes, name: str = "picture") -> tuple[str, bool]:
        """Keep a picture as `keep` does; return its SHA-256, and whether it was not kept before."""
        try:
            content = without_metadata(data, name)
        except PictureError as error:
            raise FeedbackError(str(error)) from error
        sha256 = hashlib.sha256(content).hexdigest()
        kind = sniff_format(content)
        with explained("The picture could not be kept", self._shown):
            place = self.folder / sha256[:2] / f"{sha256}{_SUFFIXES[kind] if kind else ''}"
            new = not place.exists()
            if not new and place.read_bytes() == content:
                os.utime(place)
            else:
                self._make_folders(place.parent)
                with whole_file(place) as file:
                    file.write(content)
        return sha256, new

    @contextmanager
    def saving(self) -> Iterator[None]:
        """Keep those who remove pictures waiting; others may save at the same time."""
        lost = "The picture could not be kept"
        with explained(lost, self._shown):
            self._make_folders(self.folder)
            lock = self._lock(lost)
            lock.acquire_read()
        try:
            yield
        finally:
            lock.release()

    @contextmanager
    def removing(self) -> Iterator[None]:
        """Wait for those who are saving, and keep new ones waiting."""
        lost = "The picture could not be deleted"
        if not self.folder.exists():
            yield
            return
        with explained(lost, self._shown):
            lock = self._lock(lost)
            lock.acquire_write()
        try:
            yield
        finally:
            lock.release()

    def __iter__(self) -> Iterator[str]:
        """Yield the SHA-256 of every picture."""
        for place in self._places():
            if place.suffix in _SUFFIXES.values() and _SHA256.fullmatch(place.stem):
                yield place.stem

    def is_older(self, sha256: str, age: timedelta) -> bool:
        """Whether a picture is there that was not kept, nor kept again, within that time."""
        place = self._find(sha256)
        return place is not None and _is_older(place, age)

    def delete_parts(self, age: timedelta) -> int:
        """Remove what was left of pictures when a program was killed; return how many there were.

        Only what has that age, for younger ones may still be written.
        """
        parts = [each for each in self._places() if each.suffix == PART and _is_older(each, age)]
        for part in parts:
            with explained("The picture could not be deleted", self._shown):
                part.unlink(missing_ok=True)
        return len(parts)

    def __contains__(self, sha256: object) -> bool:
        """Whether a picture is kept; whether it is intact is seen when it is opened."""
        return self._find(sha256) is not None

    def path(self, sha256: str) -> Path:
        """Return where a kept picture lies; raises `FeedbackError` where there is none."""
        if place := self._find(sha256):
            return place
        raise FeedbackError(f"The picture {sha256[:12]!a} is not among those that were kept.")

    def open(self, sha256: str) -> bytes:
        """Return a kept picture's bytes; raises `FeedbackError` if it is not there or damaged."""
        place = self.path(sha256)
        with explained("The picture could not be opened", self._shown):
            content = place.read_bytes()
        if hashlib.sha256(content).hexdigest() != sha256:
            raise FeedbackError(f"The kept picture “{place.name}” is damaged.")
        return content

    def delete(self, sha256: str) -> bool:
        """Remove a picture for good, damaged or not; return whether it was there."""
        place = self._find(sha256)
        if place is None:
            return False
        with explained("The picture could not be deleted", self._shown):
            place.unlink(missing_ok=True)
            sync_folder(place.parent)
        return True

    def _find(self, sha256: object) -> Path | None:
        # Checked first: a record that was imported may name anything.
        if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
            return None
        places = (self.folder / sha256[:2] / f"{sha256}{end}" for end in _SUFFIXES.values())
        with explained("The picture could not be found", self._shown):
            return next((place for place in places if place.is_file()), None)

    def _places(self) -> Iterator[Path]:
        """Yield every file that may be a picture or a part of one."""
        with explained("The pictures could not be listed", self._shown):
            folders = self.folder.iterdir() if self.folder.exists() else ()
            for folder in sorted(each for each in folders if each.is_dir()):
                yield from sorted(folder.iterdir())

    def _lock(self, lost: str) -> ReadWriteLock:
        # One of its own for each use: threads wait for each other as processes do.
        try:
            return ReadWriteLock(self.folder / _LOCK, _LOCK_SECONDS, is_singleton=False)
        except (sqlite3.Error, ValueError) as error:
            raise FeedbackError(f"{lost}: “{self._shown}” cannot be locked.") from error

    def _make_folders(self, inner: Path) -> None:
        for folder in (self.folder, inner):
            if not folder.exists():
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                sync_folder(folder.parent)


def _is_older(place: Path, age: timedelta) -> bool:
    try:
        return time.time() - place.stat().st_mtime >= age.total_seconds()
    except FileNotFoundError:
        return False


def without_metadata(data: bytes, name: str = "picture") -> bytes:
    """Return a file with the same upright sRGB pixels and nothing else.

    A JPEG keeps its compressed pixels, orientation and colour profile; PNG and WebP keep their
    compressed pixels where there is neither. Everything else becomes a PNG of the pixels.

    Raises
    ------
    PictureError
        If `imgcap.images.open_picture` refuses the file.
    """
    pixels = _digest(_open(data, name))
    bare = _bare(read_container(data))
    if bare and _bare(read_container(bare)) == bare and _digest(_open(bare, name)) == pixels:
        return bare
    buffer = BytesIO()
    _open(data, name).image.save(buffer, "PNG")
    return _bare(read_container(buffer.getvalue()))


def _open(data: bytes, name: str) -> Picture:
    # A kept PNG may be larger than what may be uploaded, though never than its pixels.
    settings, _ = usable_settings()
    most = max(settings.max_upload_mb * _MEBI, 4 * settings.max_pixels)
    return open_picture(data, name, max_bytes=most, max_pixels=settings.max_pixels)


def _digest(picture: Picture) -> bytes:
    """Digest the size and the pixels, some rows at a time: a copy of them may be large."""
    image = picture.image
    digest = hashlib.sha256(repr(image.size).encode())
    rows = max(1, _STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        box = 0, top, image.width, min(top + rows, image.height)
        digest.update(image.crop(box).tobytes())
    return digest.digest()


def _bare(container: Container | None) -> bytes:
    """Join the pieces without what could hide between them; nothing where that cannot be."""
    if container is None or container.format == "GIF":
        return b""
    if container.format == "JPEG":
        return b"".join(_jpeg(container))
    plain = container.orientation == 1 and not container.profile
    # A frame of an animation may hold chunks of its own.
    still = not any(bytes(piece[:4]) == b"ANMF" for piece in container.pieces)
    return b"".join(container.pieces) if plain and still else b""


def _jpeg(container: Container) -> Iterator[bytes | memoryview]:
    start, *pieces = container.pieces
    yield start
    if any(bytes(piece[:2]) == _JFIF[:2] for piece in pieces):
        yield _JFIF  # it has to come first, and may hold a thumbnail of another picture
    if container.orientation != 1:
        exif = Image.Exif()
        exif[_ORIENTATION] = container.orientation
        yield _segment(_EXIF, exif.tobytes())
    yield from _profile_segments(container.profile)
    for piece in pieces:
        if not _SEGMENT.match(piece) or piece[1] in _SEGMENTS:
            yield piece
        elif piece[1] == _ADOBE[1] and len(piece) >= _ADOBE_END:
            yield _ADOBE + bytes(piece[4:_ADOBE_END])


def _profile_segments(profile: bytes) -> Sequence[bytes]:
    parts = [profile[at : at + _LONGEST_PART] for at in range(0, len(profile), _LONGEST_PART)]
    return [
        _segment(_PROFILE, b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part)
        for number, part in enumerate(parts, start=1)
    ]


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + (len(body) + 2).to_bytes(2, "big") + body
