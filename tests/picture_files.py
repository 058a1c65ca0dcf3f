"""Small picture files, well formed and odd, made on the spot."""

import io
import struct
import zlib
from typing import Any

from PIL import Image

RED, GREEN, BLUE, GREY = (220, 30, 30), (30, 180, 40), (20, 40, 200), (120, 120, 120)


def quarters(width: int = 48, height: int = 32) -> Image.Image:
    """Four differently coloured quarters: every rotation and mirror image looks different."""
    image = Image.new("RGB", (width, height))
    for number, colour in enumerate((RED, GREEN, BLUE, GREY)):
        left, top = number % 2 * width // 2, number // 2 * height // 2
        image.paste(colour, (left, top, left + width // 2, top + height // 2))
    return image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Save with Pillow into bytes."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def every_kind() -> dict[str, bytes]:
    """One well-formed file of each accepted kind."""
    image = quarters()
    return {
        "JPEG": encode(image, "JPEG", quality=95, subsampling=0),
        "progressive JPEG": encode(image, "JPEG", quality=95, subsampling=0, progressive=True),
        "PNG": encode(image, "PNG"),
        "GIF": encode(image, "GIF"),
        "WebP": encode(image, "WEBP", quality=95),
        "lossless WebP": encode(image, "WEBP", lossless=True),
    }


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """One chunk with its right checksum."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(  # noqa: PLR0913
    width: int,
    height: int,
    rows: bytes | None = None,
    *,
    depth: int = 8,
    colour: int = 2,
    extra: bytes = b"",
) -> bytes:
    """Build a PNG by hand; `rows` are unfiltered scan lines, each behind a zero byte."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    pixels = b"" if rows is None else png_chunk(b"IDAT", zlib.compress(rows))
    return (
        b"\x89PNG\r\n\x1a\n" + png_chunk(b"IHDR", header) + extra + pixels + png_chunk(b"IEND", b"")
    )


def orientation_exif(value: int, order: str = ">", kind: int = 3) -> bytes:
    """Build an EXIF block that holds an orientation and nothing else."""
    magic = b"MM\0*" if order == ">" else b"II*\0"
    number = struct.pack(order + {1: "Bxxx", 3: "Hxx", 4: "I"}[kind], value)
    entry = struct.pack(order + "HHI", 0x0112, kind, 1) + number
    return b"Exif\0\0" + magic + struct.pack(order + "IH", 8, 1) + entry + bytes(4)


def jpeg_segment(marker: int, body: bytes) -> bytes:
    """One marker segment."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def after_start(jpeg: bytes, segments: bytes) -> bytes:
    """Put segments right behind the start-of-image marker."""
    return jpeg[:2] + segments + jpeg[2:]
