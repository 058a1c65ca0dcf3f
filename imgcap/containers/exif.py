"""The one EXIF entry that changes how a picture looks."""

from typing import Literal

from imgcap.containers.base import Piece

EXIF_PREFIX = b"Exif\0\0"
_ORIENTATION = 0x0112
_WIDTHS = {1: 1, 3: 2, 4: 4}  # of the integer types; writers do not agree on one
_ENTRY = 12


def read_orientation(exif: Piece) -> int:
    """Read the orientation from an EXIF block.

    Parameters
    ----------
    exif
        A TIFF header and what follows it.

    Returns
    -------
    int
        1 to 8; 1 (upright) where the block has none, or is broken.
    """
    if exif[:4] not in (b"II*\0", b"MM\0*"):
        return 1
    order: Literal["little", "big"] = "little" if exif[:2] == b"II" else "big"

    def number(start: int, length: int) -> int:
        return int.from_bytes(exif[start : start + length], order)

    first = number(4, 4) + 2
    end = min(first + _ENTRY * number(first - 2, 2), len(exif) - _ENTRY + 1)
    for entry in range(first, end, _ENTRY):
        if number(entry, 2) == _ORIENTATION:
            value = number(entry + 8, _WIDTHS.get(number(entry + 2, 2), 0))
            return value if value in range(1, 9) else 1
    return 1
