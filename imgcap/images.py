"""Bytes from a stranger become a safe RGB picture, or a sentence that says why not.

What an attacker could send, and what meets it here, worst first:

- a small file that unpacks to gigabytes, or takes minutes: width, height and memory are known
  from the container (`imgcap.containers`) before a decoder allocates or loops;
- a file made for a bug in a rare decoder: only the JPEG, PNG, WebP and GIF decoders are ever
  reached, by content, and they get the first picture without its metadata;
- a script or archive dressed as a picture: what is kept are pixels, never the file;
- a name with control characters or of enormous length: cleaned before it is shown or kept.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from io import BufferedReader
from typing import Final
from unicodedata import category

from PIL import (
    GifImagePlugin,
    Image,
    ImageCms,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from imgcap.colours import to_rgb
from imgcap.containers import (
    PLAIN_COST,
    Container,
    ContainerError,
    Format,
    Joined,
    read_container,
)
from imgcap.reduction import drafting, reduced
from imgcap.settings import usable_settings

MAX_SIDE: Final = 65_535
"""JPEG ends here too. Memory for a row, or for the table of rows, is not worth mentioning below."""

_DECODERS: Final[dict[Format, Callable[[BufferedReader], Image.Image]]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
}
_TRANSPOSITIONS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_LONGEST_NAME: Final = 120
_MEBI: Final = 2**20


class PictureError(ValueError):
    """A file was refused as a picture; the message is one sentence for the person who sent it."""


@dataclass(frozen=True)
class Picture:
    """A picture as the rest of the app sees it.

    Attributes
    ----------
    image
        Upright 8-bit sRGB pixels without metadata; treat it as read-only.
    name
        The file's name, printable and of bounded length; not escaped for HTML.
    sha256
        Hexadecimal digest of the file's bytes: the same file is the same picture.
    format
        `JPEG`, `PNG`, `WebP` or `GIF`, from the content.
    size_bytes
        Size of the file.
    divided_by
        How many pixels a side of the file there are for one of `image`: more than 1 only if a
        picture was opened for models.
    """

    image: Image.Image = field(repr=False, compare=False)
    name: str
    sha256: str
    format: Format
    size_bytes: int
    divided_by: int = 1

    @property
    def width(self) -> int:
        """Pixels from left to right of the upright picture."""
        return self.image.width * self.divided_by

    @property
    def height(self) -> int:
        """Pixels from top to bottom of the upright picture."""
        return self.image.height * self.divided_by

    @cached_property
    def reduced(self) -> Image.Image:
        """The pixels as all models see them: fewer if there are more than they can use."""
        return reduced(self.image)


def open_picture(
    data: bytes | bytearray | memoryview,
    name: str,
    *,
    max_bytes: int | None = None,
    max_pixels: int | None = None,
    for_models: bool = False,
) -> Picture:
    """Decode an untrusted file into an upright RGB picture.

    The format is decided by content. Of an animation the first frame is taken. Transparency is
    laid over white, a colour profile is converted to sRGB, EXIF orientation is applied, and all
    other metadata is dropped. Decoding takes at most eight bytes of memory for each pixel of
    `max_pixels`, beside `data`.

    Parameters
    ----------
    data
        The whole file.
    name
        The file's name, for messages and for `Picture.name`; may hold anything.
    max_bytes
        Largest accepted file, in bytes; by default `Settings.max_upload_mb`.
    max_pixels
        Largest accepted width x height; by default `Settings.max_pixels`. Formats whose decoders
        take more memory a pixel (WebP, progressive JPEG) are accepted up to proportionally less.
    for_models
        Nobody needs more pixels than models can use, so that a large JPEG may be decoded to an
        exact fraction of its size, in less time.

    Returns
    -------
    Picture
        Pixels, cleaned name, digest, format and size.

    Raises
    ------
    PictureError
        If the file is too large, empty, of another format, damaged or incomplete.
    """
    if max_bytes is None or max_pixels is None:
        settings, _ = usable_settings()
        max_bytes = settings.max_upload_mb * _MEBI if max_bytes is None else max_bytes
        max_pixels = settings.max_pixels if max_pixels is None else max_pixels
    name = clean_name(name)
    data = _check_bytes(data, name, max_bytes or 0)
    try:
        container = _find_picture(data, name, max_pixels or 0)
        divided_by = 1
        if for_models and container.format == "JPEG":
            divided_by = drafting((container.width, container.height))
        image = _decode(container, divided_by)
    except MemoryError as error:
        raise PictureError(f"There is not enough memory to open “{name}”.") from error
    except (ContainerError, ImageCms.PyCMSError) as error:
        raise PictureError(f"“{name}” is damaged or incomplete and cannot be opened.") from error
    return Picture(
        image=image,
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        format=container.format,
        size_bytes=len(data),
        divided_by=divided_by,
    )


def clean_name(name: str) -> str:
    """Make a file's name safe to print and to keep.

    Parameters
    ----------
    name
        Anything: control characters, lone surrogates, megabytes.

    Returns
    -------
    str
        At most 120 printable characters, the middle left out of longer ones; never empty.
    """
    if len(name) > _LONGEST_NAME:
        half = _LONGEST_NAME // 2
        name = name[: half - 1] + "\N{HORIZONTAL ELLIPSIS}" + name[-half:]
    return printable(name).strip() or "unnamed"


def printable(text: str) -> str:
    """Replace what could steer a terminal or is no character; all spaces become plain ones."""
    plain = "".join(" " if category(char) == "Zs" else char for char in text)
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in plain)


def check_size(size: int, name: str, max_bytes: int) -> None:
    """Refuse an empty or too large file with a `PictureError`, before it is read if possible."""
    name = clean_name(name)
    if size == 0:
        raise PictureError(f"“{name}” is empty.")
    if size > max_bytes:
        raise PictureError(
            f"“{name}” is too large: {size / _MEBI:,.1f} MB, "
            f"where at most {max_bytes / _MEBI:,.0f} MB are accepted."
        )


def _check_bytes(data: bytes | bytearray | memoryview, name: str, max_bytes: int) -> bytes:
    if not isinstance(data, bytes | bytearray | memoryview):
        raise PictureError(f"“{name}” did not arrive as the bytes of a file.")
    check_size(data.nbytes if isinstance(data, memoryview) else len(data), name, max_bytes)
    return bytes(data)


def _find_picture(data: bytes, name: str, max_pixels: int) -> Container:
    container = read_container(data)
    if container is None:
        raise PictureError(f"“{name}” is not a JPEG, PNG, WebP or GIF picture.")
    size = f"{container.width:,} x {container.height:,} pixels"
    if max(container.width, container.height) > MAX_SIDE:
        raise PictureError(
            f"“{name}” is too large: {size}, where at most {MAX_SIDE:,} to a side are accepted."
        )
    allowed = max_pixels * PLAIN_COST // container.cost
    if container.width * container.height > allowed:
        kind = "" if container.cost == PLAIN_COST else f" for this kind of {container.format}"
        raise PictureError(
            f"“{name}” is too large: {size}, "
            f"where at most {allowed / 1e6:,.1f} megapixels are accepted{kind}."
        )
    return container


def _decode(container: Container, divided_by: int) -> Image.Image:
    """Decode the pieces and bring the pixels to upright RGB in memory of their own."""
    # No name may hold the decoder's image while the upright copy is made: three are too many.
    image = to_rgb(_load(container, divided_by), container.profile)
    if container.orientation in _TRANSPOSITIONS:
        image = image.transpose(_TRANSPOSITIONS[container.orientation])
    elif isinstance(image, ImageFile.ImageFile):
        image = image.copy()
    image.info.clear()
    return image


def _load(container: Container, divided_by: int) -> Image.Image:
    try:
        # Not Image.open: it looks for more formats, warns, and has limits of its own.
        image = _DECODERS[container.format](BufferedReader(Joined(container.pieces)))
        if image.size == (container.width, container.height):
            if divided_by > 1:
                image.draft(None, (image.width // divided_by, image.height // divided_by))
            image.load()
            return image
    except MemoryError:
        raise
    except Exception as error:  # on damaged data the decoders raise a dozen unrelated types
        raise ContainerError("the decoder refuses it") from error
    raise ContainerError("the decoder sees another size")
