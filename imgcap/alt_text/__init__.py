"""A copy of a picture file that says in words what it shows, for who does not see it.

The text goes where programs look for it: IPTC's `Alt Text (Accessibility)` and `dc:description` in
XMP, `Caption/Abstract` in IPTC's older form (JPEG and PNG), and `ImageDescription` in EXIF. The
compressed picture and all other metadata stay as they are.

The work is done by Exiv2, through the optional package `exiv2` (GPL; hence an extra of its own), in
a process of its own: see `imgcap.alt_text.writer`.
"""

import importlib.util
import json
import logging
import re
import subprocess
import sys
from typing import Final

from imgcap.alt_text import writer
from imgcap.alt_text.writer import Outcome
from imgcap.containers import Container, ContainerError, read_container
from imgcap.images import clean_name

__all__ = ["AltTextError", "with_alt_text"]

_PATIENCE: Final = 60
_NO_XML: Final = re.compile("[^\\t\\n\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_RIFF_BYTES, _VP8X_BYTES = 12, 18

logger = logging.getLogger(__name__)


class AltTextError(ValueError):
    """No copy was made; the message is one sentence for the person who wanted it."""


def with_alt_text(data: bytes, text: str, name: str) -> bytes:
    """Return a copy of a picture file with a text as its alternative text and description.

    Parameters
    ----------
    data : bytes
        A file that `imgcap.images.open_picture` accepts.
    text : str
        What the picture shows. Characters that XML cannot hold are replaced. In IPTC's older form
        it is cut at the 2,000 bytes that the standard allows.
    name : str
        What a message calls the file.

    Returns
    -------
    bytes
        A file of the same format with the same compressed picture, byte by byte.

    Raises
    ------
    AltTextError
        If it is a GIF or no picture, the text is empty or too long, metadata would be lost, or the
        package `exiv2` is not installed.
    """
    name = clean_name(name)
    text = _NO_XML.sub("\N{REPLACEMENT CHARACTER}", re.sub("\r\n?", "\n", text)).strip()
    if not text:
        raise AltTextError(f"There is no text to write into “{name}”.")
    before = _container(data)
    if before is None:
        raise AltTextError(f"“{name}” is damaged or no picture, so that no text can be written.")
    if before.format == "GIF":
        raise AltTextError(f"“{name}” is a GIF, a format that has no place for alt text.")
    if importlib.util.find_spec("exiv2") is None:
        raise AltTextError(
            "Alt text is written by the package exiv2, which is not installed here; "
            "“pip install 'imgcap[alt-text]'” adds it."
        )
    result = _run(data, text, name)
    after = _container(result)
    if after is None or _look(after) != _look(before):
        raise AltTextError(f"No copy of “{name}” was made, because its picture would have changed.")
    return result


def _container(data: bytes) -> Container | None:
    try:
        return read_container(data)
    except ContainerError:
        return None


def _look(container: Container) -> tuple[object, ...]:
    """Return all that decides what the picture looks like."""
    picture = b"".join(container.pieces)
    if container.format == "WebP":  # whose envelope tells whether there is metadata
        picture = picture[_RIFF_BYTES:]
        picture = picture[_VP8X_BYTES:] if picture.startswith(b"VP8X") else picture
    size = container.width, container.height
    return container.format, size, container.orientation, container.profile, picture


def _run(data: bytes, text: str, name: str) -> bytes:
    try:
        done = subprocess.run(  # noqa: S603  # our own module
            [sys.executable, "-I", writer.__file__],
            input=json.dumps(text).encode() + b"\n" + data,
            capture_output=True,
            timeout=_PATIENCE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise AltTextError(f"Writing the text into “{name}” took too long.") from error
    match done.returncode:
        case Outcome.WRITTEN:
            return done.stdout
        case Outcome.TOO_LONG:
            raise AltTextError(f"The text is too long to be written into “{name}”.")
        case Outcome.LOSSY:
            raise AltTextError(
                f"No copy of “{name}” was made, because other metadata in it would have been lost."
            )
    # What Exiv2 wrote names tags and values of the visitor's own file: the status says enough.
    logger.error("Writing alt text ended with status %d.", done.returncode)
    raise AltTextError(f"The metadata of “{name}” cannot be read, so that no text can be added.")
