"""The pictures of one page: files in a temporary folder, a few of them decoded."""

import tempfile
import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path

from PIL import Image

from imgcap.images import Picture, open_picture
from imgcap.settings import Settings

PREVIEW_SIDE = 1_024
THUMBNAIL_SIDE = 160


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
        Pixels of the upright picture.
    format : str
        `JPEG`, `PNG`, `WebP` or `GIF`.
    size_bytes : int
        Of the file.
    preview, thumbnail : bytes
        JPEG files of at most `PREVIEW_SIDE` and `THUMBNAIL_SIDE` pixels a side.
    """

    id: str
    name: str
    width: int
    height: int
    format: str
    size_bytes: int
    preview: bytes = field(repr=False)
    thumbnail: bytes = field(repr=False)


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
        self._decoded: OrderedDict[str, Picture] = OrderedDict()
        self._names: dict[str, str] = {}

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
        return Shown(
            id=picture.sha256,
            name=picture.name,
            width=picture.width,
            height=picture.height,
            format=picture.format,
            size_bytes=picture.size_bytes,
            preview=reduced(picture.image, PREVIEW_SIDE),
            thumbnail=reduced(picture.image, THUMBNAIL_SIDE),
        )

    def open(self, picture_id: str) -> Picture:
        """Return a kept picture at full size, decoding it again if need be.

        Raises
        ------
        KeyError
            If it was never put or has been removed.
        """
        with self._lock:
            name = self._names[picture_id]
            picture = self._decoded.get(picture_id)
            data = b"" if picture else self._file(picture_id).read_bytes()
        # Without the lock: whoever removes a picture must not wait for another to be decoded.
        picture = picture or self._decode(data, name)
        with self._lock:
            if picture_id in self._names:
                self._remember(picture)
        return picture

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
            self._decoded.pop(picture_id, None)
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

    def _remember(self, picture: Picture) -> None:
        self._decoded[picture.sha256] = picture
        self._decoded.move_to_end(picture.sha256)
        pixels = sum(kept.width * kept.height for kept in self._decoded.values())
        while pixels > self._settings.max_pixels:
            _, dropped = self._decoded.popitem(last=False)
            pixels -= dropped.width * dropped.height


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
