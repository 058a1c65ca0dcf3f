r"""Text that is safe in a cell of a spreadsheet, and the way back to exactly what was typed.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula (OWASP, "CSV
injection"). Such a beginning gets an apostrophe in front, as a person would type it; text that
already has apostrophes there gets one more, so that taking one away restores it. The same is
done after a semicolon, tab or line break, because a program that takes another delimiter than
the comma starts a new cell there.

Control characters end a file early or vanish in some programs, and half an emoji (a lone
surrogate) is no UTF-8: they are written as ``\u{hex}``. Backslashes are doubled only where they
would be taken for part of that.
"""

import re

_START = r"(?:^|(?<=[;\t\r\n]))"
_FORMULA = r"""(?='*+(?:"|[^\S;\t\r\n])*+[=+\-@＝＋－＠])"""  # noqa: RUF001  # full width counts
_LINE_START = r"(?='*+[\t\r\n])"
_DEFUSE = re.compile(rf"{_START}{_FORMULA}|^{_LINE_START}")
_RESTORE = re.compile(rf"{_START}'{_FORMULA}|^'{_LINE_START}")

_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff"
_BACKSLASHES = r"(?<!\\)(\\*+)"
_ESCAPE = re.compile(rf"{_BACKSLASHES}(?:([{_CONTROL}])|(?=u\{{[0-9a-f]{{1,4}}\}}))")
_UNESCAPE = re.compile(rf"{_BACKSLASHES}u\{{([0-9a-f]{{1,4}})\}}")


def neutralise(text: str) -> str:
    """Return `text` as UTF-8 can hold it and no spreadsheet runs it."""
    return _DEFUSE.sub("'", _ESCAPE.sub(_escape, text))


def restore(cell: str) -> str:
    """Return the text that `neutralise` was given."""
    return _UNESCAPE.sub(_unescape, _RESTORE.sub("", cell))


def _escape(match: re.Match[str]) -> str:
    doubled = match[1] * 2
    return doubled + (f"\\u{{{ord(match[2]):x}}}" if match[2] else "")


def _unescape(match: re.Match[str]) -> str:
    backslashes, digits = match.groups()
    kept = backslashes[: len(backslashes) // 2]
    return kept + (chr(int(digits, 16)) if len(backslashes) % 2 else f"u{{{digits}}}")
