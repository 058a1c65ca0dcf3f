"""What tests of the dashboard share: pictures, patience, and the browser's part of a download."""

import time
from collections.abc import Callable
from typing import Any

from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from tests.picture_files import encode, quarters
from tests.wire import Wire

PATIENCE = 240.0
"""Seconds; only a broken or very busy machine needs them."""


def wait_until(condition: Callable[[], object], what: str = "") -> None:
    """Return as soon as the condition holds, or fail."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {PATIENCE:.0f} seconds: {what}"
        time.sleep(0.005)


def picture_file(name: str) -> bytes:
    """Return a small picture that no other name has."""
    image = quarters()
    for place, letter in enumerate(name.encode()):
        image.putpixel((place % image.width, place // image.width), (letter, 0, 255 - letter))
    return encode(image, "PNG")


def bring(state: AppState, *names: str, select: bool = True) -> list[Shown]:
    """Put pictures on the page, as an upload does."""
    brought = [state.shelf.put(picture_file(name), name) for name in names]
    for shown in brought:
        state.add(shown, select=select)
    return brought


def download(button: Any) -> bytes:
    """Press a download button and fetch what it gives, as the page does."""
    wire = Wire(button)
    wire.hears({"type": "make", "id": "1"})
    wait_until(lambda: wire.said, "the content is made")
    answer = wire.said[-1]
    assert answer["type"] == "ready", answer
    content = b""
    while len(content) < answer["size"]:
        wire.hears({"type": "read", "id": "1", "offset": len(content)})
        content += bytes(wire.buffers[-1][0])
    return content
