"""The pictures of one page: files in a temporary folder, a few of them decoded."""

import hashlib
import json
import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from imgcap.edits import Edit, apply, size_after
from imgcap.edits.reduced import reduced as reduced_edits
from imgcap.edits.reduced import reduction
from imgcap.images import Picture, open_picture
from imgcap.settings import Settings

PREVIEW_SIDE = 1_024
THUMBNAIL_SIDE = 160

Edits = tuple[Edit, ...]


@dataclass(frozen=True)
class Shown:
    """A picture as the page shows it.

    Parameters
    ----------
    id : str
        The sha256 of the file's bytes: the same file is the same picture.
    name : str
        The file's name; not escaped for HTML.
    width, height : int
        Pixels of the upright picture, edited.
    format : str
        `JPEG`, `PNG`, `WebP` or `GIF`.
    size_bytes : int
        Of the file.
    preview, thumbnail : bytes
        JPEG files of at most `PREVIEW_SIDE` and `THUMBNAIL_SIDE` pixels a side, edited.
    edits : tuple of Edit
        What was done to the picture, in order.
    """

    id: str
    name: str
    width: int
    height: int
    format: str
    size_bytes: int
    preview: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)
    edits: Edits = ()

    @property
    def version(self) -> str:
        """Another one for every picture and all that is done to it."""
        if not self.edits:
            return self.id
        done = json.dumps([self.id, *(edit.as_dict() for edit in self.edits)])
        return hashlib.sha256(done.encode()).hexdigest()


class Shelf:
    """Keeps the files of a page's pictures on disk and the last decoded ones in memory.

    Two hundred photographs of twelve megapixels would take seven gigabytes decoded. What is kept
    decoded is bounded by `settings.max_pixels`, the largest single picture there can be.

    Parameters
    ----------
    settings : Settings
        Limits on what is accepted.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = tempfile.TemporaryDirectory(prefix="imgcap-", ignore_cleanup_errors=True)
        self._lock = threading.Lock()
        self._decoded: OrderedDict[tuple[str, Edits], Picture] = OrderedDict()
        self._names: dict[str, str] = {}

    def __contains__(self, picture_id: str) -> bool:
        """Whether a picture was put and has not been removed."""
        with self._lock:
            return picture_id in self._names

    def put(self, data: bytes, name: str) -> Shown:
        """Check, decode and keep a file.

        Raises
        ------
        PictureError
            If it is refused.
        """
        picture = self._decode(data, name)
        with self._lock:
            _write(self._file(picture.sha256), data)
            name = self._names.setdefault(picture.sha256, picture.name)
            self._remember(replace(picture, name=name))
        return _shown(picture, picture.image, picture.image.size)

    def open(self, picture_id: str, edits: Edits = ()) -> Picture:
        """Return a kept picture at full size, decoding and editing it again if need be.

        Raises
        ------
        KeyError
            If it was never put or has been removed.
        EditError
            If an edit cannot be done to it.
        """
        with self._lock:
            name = self._names[picture_id]
            picture = self._decoded.get((picture_id, edits))
            data = b"" if picture or edits else self._file(picture_id).read_bytes()
        # Without the lock: whoever removes a picture must not wait for another to be decoded.
        if picture is None and edits:
            original = self.open(picture_id)
            image = apply(original.image, edits, max_pixels=self._settings.max_pixels)
            picture = replace(original, image=image)
        picture = picture or self._decode(data, name)
        with self._lock:
            if picture_id in self._names:
                self._remember(picture, edits)
        return picture

    def look(self, picture_id: str, edits: Edits) -> Shown:
        """Return a kept picture as the page shows it with these edits; soon, and about right.

        Raises
        ------
        KeyError
            If it was never put or has been removed.
        EditError
            If an edit cannot be done to it.
        """
        original = self.open(picture_id)
        size = original.image.size
        edited = size_after(edits, size, max_pixels=self._settings.max_pixels)
        if not edits:
            return _shown(original, original.image, size)
        small = original.image.reduce(reduction(edits, size, PREVIEW_SIDE))
        image = apply(
            small,
            reduced_edits(edits, size, small.size),
            max_pixels=self._settings.max_pixels,
        )
        return replace(_shown(original, image, edited), edits=edits)

    def read(self, picture_id: str) -> bytes:
        """Return the file of a kept picture as it was put.

        Raises
        ------
        KeyError
            If it was never put or has been removed.
        """
        with self._lock:
            if picture_id not in self._names:
                raise KeyError(picture_id)
            return self._file(picture_id).read_bytes()

    def remove(self, picture_id: str) -> None:
        """Forget a picture and its file."""
        with self._lock:
            self._names.pop(picture_id, None)
            for key in [key for key in self._decoded if key[0] == picture_id]:
                del self._decoded[key]
            self._file(picture_id).unlink(missing_ok=True)

    def close(self) -> None:
        """Delete all files."""
        self._folder.cleanup()

    def _file(self, picture_id: str) -> Path:
        return Path(self._folder.name) / picture_id

    def _decode(self, data: bytes, name: str) -> Picture:
        return open_picture(
            data,
            name,
            max_bytes=self._settings.max_upload_mb * 2**20,
            max_pixels=self._settings.max_pixels,
        )

    def _remember(self, picture: Picture, edits: Edits = ()) -> None:
        self._decoded[picture.sha256, edits] = picture
        self._decoded.move_to_end((picture.sha256, edits))
        pixels = sum(kept.width * kept.height for kept in self._decoded.values())
        while pixels > self._settings.max_pixels:
            _, dropped = self._decoded.popitem(last=False)
            pixels -= dropped.width * dropped.height


def _shown(picture: Picture, image: Image.Image, size: tuple[int, int]) -> Shown:
    """Return how the page shows a picture that looks like `image` and has another size in truth."""
    return Shown(
        id=picture.sha256,
        name=picture.name,
        width=size[0],
        height=size[1],
        format=picture.format,
        size_bytes=picture.size_bytes,
        preview=reduced(image, PREVIEW_SIDE),
        thumbnail=reduced(image, THUMBNAIL_SIDE),
    )


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def reduced(image: Image.Image, side: int) -> bytes:
    """Return a JPEG file of an RGB picture, made at most `side` pixels wide and high."""
    scale = min(1.0, side / max(image.size))
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    small = image.resize(size, Image.Resampling.LANCZOS, reducing_gap=2.0)
    buffer = BytesIO()
    small.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
