"""Runs in a process of its own: writes a text into the metadata of one picture.

The picture is parsed by Exiv2, which is written in C++ and has had its share of overflows, and it
comes from a stranger. A crash, a loop or a flood of memory ends this process and nothing else.
Nothing of imgcap is imported here.
"""

import contextlib
import json
import logging
import resource
import sys
from collections import Counter
from enum import IntEnum
from typing import Any, Final

SECONDS: Final = 20
"""Processor time; a picture of 64 MB takes well under one."""

_MEMORY: Final = 2**30
_COPIES: Final = 8
_IPTC_CAPTION_BYTES: Final = 2_000  # IIM 4.2, data set 2:120
_UTF_8: Final = "\x1b%G"  # ISO 2022's name of it, as IIM's data set 1:90 has it
_ALT_TEXT: Final = "Xmp.iptc.AltTextAccessibility"
_DESCRIPTION: Final = "Xmp.dc.description"
_EXIF: Final = "Exif.Image.ImageDescription"
_IPTC: Final = "Iptc.Application2.Caption"


class Outcome(IntEnum):
    """The exit status of this process."""

    WRITTEN = 0
    TOO_LONG = 3
    LOSSY = 4


class _Unread(logging.Handler):
    """Notices that Exiv2 skips what it cannot make sense of; mere oddities are warnings."""

    found = False

    def emit(self, record: logging.LogRecord) -> None:
        """Tell the one kind from the other."""
        self.found |= record.levelno >= logging.ERROR
        self.found |= record.getMessage().startswith("Failed to decode")


def written(data: bytes, text: str) -> tuple[Outcome, bytes]:
    """Return the file with the text as its alternative text and description.

    Parameters
    ----------
    data : bytes
        A JPEG, PNG or WebP file.
    text : str
        Characters that XML can hold.

    Returns
    -------
    outcome : Outcome
        `LOSSY` if the file would have lost metadata that it has.
    data : bytes
        The new file, if `WRITTEN`.
    """
    import exiv2  # noqa: PLC0415  # the other process takes `Outcome` from here, and no C++

    unread = _Unread(logging.WARNING)
    logging.getLogger("exiv2").addHandler(unread)
    image = _opened(exiv2, data)
    if unread.found:  # it would be left out
        return Outcome.LOSSY, b""
    before = _keys(image)
    for key in (_ALT_TEXT, _DESCRIPTION):
        image.xmpData()[key] = _alternatives(exiv2, image.xmpData(), key, text)
    image.exifData()[_EXIF] = text
    if image.mimeType() != "image/webp":  # which has no place for IPTC's older form
        _write_iptc(exiv2, image.iptcData(), text)
    try:
        image.writeMetadata()
    except exiv2.Exiv2Error as error:
        if error.code == exiv2.ErrorCode.kerTooLargeJpegSegment:
            return Outcome.TOO_LONG, b""
        raise
    result = bytes(image.io().mmap())
    # Exiv2 leaves out in silence what has no room in a JPEG's segment of EXIF.
    again = _opened(exiv2, result)
    if _EXIF not in _keys(again):
        return Outcome.TOO_LONG, b""
    return (Outcome.LOSSY, b"") if before - _keys(again) else (Outcome.WRITTEN, result)


def _opened(exiv2: Any, data: bytes) -> Any:  # noqa: ANN401  # exiv2's objects have no types
    image = exiv2.ImageFactory.open(data)
    image.readMetadata()
    return image


def _keys(image: Any) -> Counter[str]:  # noqa: ANN401
    kinds = image.exifData(), image.iptcData(), image.xmpData()
    return Counter(datum.key() for kind in kinds for datum in kind)


def _alternatives(exiv2: Any, xmp: Any, key: str, text: str) -> Any:  # noqa: ANN401
    """Return the text as the default language, beside what there is in named languages."""
    value = exiv2.LangAltValue()
    for datum in xmp:
        if datum.key() == key and datum.typeId() == exiv2.TypeId.langAlt:
            for language, other in datum.value().items():
                value[language] = other
    value["x-default"] = text
    return value


def _write_iptc(exiv2: Any, iptc: Any, text: str) -> None:  # noqa: ANN401
    """Write the caption in UTF-8, and with it what was there in an older encoding."""
    for datum in iptc:
        value = datum.value()
        if isinstance(value, exiv2.StringValue) and datum.key() != "Iptc.Envelope.CharacterSet":
            datum.setValue(_decoded(bytes(value.data())))
    iptc["Iptc.Envelope.CharacterSet"] = _UTF_8
    cut = text.encode()[:_IPTC_CAPTION_BYTES].decode(errors="ignore")
    iptc[_IPTC] = cut


def _decoded(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        return content.decode("cp1252", "replace")


def _limit(data: bytes) -> None:
    memory = _MEMORY + _COPIES * len(data)
    limits = (resource.RLIMIT_AS, memory), (resource.RLIMIT_CPU, SECONDS), (resource.RLIMIT_CORE, 0)
    for kind, most in limits:
        with contextlib.suppress(OSError, ValueError):  # not every system has every limit
            resource.setrlimit(kind, (most, most))


def main() -> int:
    """Read a line with the text in JSON and then a file; write the new file."""
    head, _, data = sys.stdin.buffer.read().partition(b"\n")
    _limit(data)
    outcome, result = written(data, json.loads(head))
    sys.stdout.buffer.write(result)
    return outcome


if __name__ == "__main__":
    sys.exit(main())
