"""What the tests of charts share: the texts of a plotly figure."""

import html
import re
from collections.abc import Iterator
from typing import Any


def shown(markup: str) -> str:
    """Read plotly's markup as a browser shows it, with only the tags that are ours."""
    return html.unescape(re.sub("</?[bi]>", "", markup.replace("<br>", "\n")))


def strings(tree: Any) -> Iterator[str]:
    """Yield every text in a figure's plain values."""
    if isinstance(tree, str):
        yield tree
    elif isinstance(tree, dict):
        for value in tree.values():
            yield from strings(value)
    elif isinstance(tree, (list, tuple)):
        for value in tree:
            yield from strings(value)
