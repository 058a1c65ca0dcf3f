r"""Text of any kind as UTF-8 without control characters, and the way back to it.

Control characters end a text early or vanish in some programs, PostgreSQL keeps no NUL, and half
an emoji (a lone surrogate) is no UTF-8: they are written as ``\u{hex}``. Backslashes are doubled
only where they would be taken for part of that.
"""

import re

_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff"
_BACKSLASHES = r"(?<!\\)(\\*+)"
_SPECIAL = re.compile(rf"[{_CONTROL}\\]")
_ESCAPE = re.compile(rf"{_BACKSLASHES}(?:([{_CONTROL}])|(?=u\{{[0-9a-f]{{1,4}}\}}))")
_UNESCAPE = re.compile(rf"{_BACKSLASHES}u\{{([0-9a-f]{{1,4}})\}}")


def escape(text: str) -> str:
    """Return `text` as UTF-8 and every store can hold it."""
    return _ESCAPE.sub(_escape, text) if _SPECIAL.search(text) else text


def unescape(text: str) -> str:
    """Return the text that `escape` was given."""
    return _UNESCAPE.sub(_unescape, text) if "\\" in text else text


def _escape(match: re.Match[str]) -> str:
    doubled = match[1] * 2
    return doubled + (f"\\u{{{ord(match[2]):x}}}" if match[2] else "")


def _unescape(match: re.Match[str]) -> str:
    backslashes, digits = match.groups()
    kept = backslashes[: len(backslashes) // 2]
    return kept + (chr(int(digits, 16)) if len(backslashes) % 2 else f"u{{{digits}}}")
