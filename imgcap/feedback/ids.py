"""Record ids that sort by the time they were made: UUID version 7, RFC 9562."""

import secrets
import time
import uuid
from threading import Lock

_lock = Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """Make an id of this millisecond that sorts after every earlier one of this process.

    The 12 bits after the milliseconds hold their fraction (RFC 9562, section 6.2, method 3), so
    that ids of one process keep their order; the remaining 62 bits are random.
    """
    global _last  # noqa: PLW0603  # the order is the process's
    now = (time.time_ns() << 12) // 1_000_000
    with _lock:
        _last = now = max(now, _last + 1)
    milliseconds, fraction = now >> 12, now & 0xFFF
    variant = 0b10 << 62
    return uuid.UUID(
        int=milliseconds << 80 | 7 << 76 | fraction << 64 | variant | secrets.randbits(62)
    )
