"""Text that is safe in a cell of a spreadsheet, and the way back to exactly what was typed.

A spreadsheet runs a cell that begins with ``=``, ``+``, ``-`` or ``@`` as a formula (OWASP, "CSV
injection"). Such a beginning gets an apostrophe in front, as a person would type it; text that
already has apostrophes there gets one more, so that taking one away restores it. The same is
done after a semicolon, tab or line break, because a program that takes another delimiter than
the comma starts a new cell there.
"""

import re

from imgcap.feedback.text import escape, unescape

_START = r"(?:^|(?<=[;\t\r\n]))"
_FORMULA = r"""(?='*+(?:"|[^\S;\t\r\n])*+[=+\-@＝＋－＠])"""  # noqa: RUF001  # full width counts
_LINE_START = r"(?='*+[\t\r\n])"
_SUSPECT = re.compile(rf"[=+\-@＝＋－＠]|^{_LINE_START}")  # noqa: RUF001  # likewise
_DEFUSE = re.compile(rf"{_START}{_FORMULA}|^{_LINE_START}")
_RESTORE = re.compile(rf"{_START}'{_FORMULA}|^'{_LINE_START}")


def neutralise(text: str) -> str:
    """Return `text` as UTF-8 can hold it and no spreadsheet runs it."""
    escaped = escape(text)
    return _DEFUSE.sub("'", escaped) if _SUSPECT.search(escaped) else escaped


def restore(cell: str) -> str:
    """Return the text that `neutralise` was given."""
    return unescape(_RESTORE.sub("", cell) if "'" in cell else cell)
