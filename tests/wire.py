"""The browser's end of a widget, for tests without a browser."""

from collections.abc import Callable, Sequence
from typing import Any

from imgcap.widgets.browser import (
    DropZone,
    Upload,
)


class Wire:
    """Stands where the websocket is: keeps what a widget says to the browser."""

    comm_id = "wire"
    kernel = "is there"

    def __init__(self, widget: Any) -> None:
        self.said: list[dict[str, Any]] = []
        self.buffers: list[Sequence[Any]] = []
        self._widget = widget
        widget.comm = self

    def send(self, data: dict[str, Any], buffers: Sequence[Any] | None = None) -> None:
        if data["method"] == "custom":
            self.said.append(data["content"])
            self.buffers.append(buffers or [])

    def on_msg(self, callback: Callable[[Any], object]) -> None:
        """Ignored: a test calls the widget itself."""

    def hears(self, content: Any, *buffers: Any) -> dict[str, Any]:
        before = len(self.said)
        self._widget._handle_custom_msg(content, list(buffers))
        return self.said[-1] if len(self.said) > before else {}


class Uploads:
    """A drop zone, everything that it gave the app, and what it refused."""

    def __init__(self, on_file: Callable[[Upload], object] | None = None, **kwargs: Any) -> None:
        self.files: list[tuple[bytes, str]] = []
        self.zone = DropZone(
            max_bytes=kwargs.pop("max_bytes", 1000),
            on_file=on_file or (lambda upload: self.files.append((upload.data, upload.name))),
            **kwargs,
        )
        self.wire = Wire(self.zone)

    @property
    def refused(self) -> list[str]:
        return [said["sentence"] for said in self.wire.said if said["type"] == "refused"]

    def offer(self, key: str, name: str, size: Any, *, first: Any = True) -> dict[str, Any]:
        return self.wire.hears(
            {"type": "offer", "id": key, "name": name, "size": size, "first": first}
        )

    def chunk(self, key: str, offset: int, *buffers: Any) -> dict[str, Any]:
        return self.wire.hears({"type": "chunk", "id": key, "offset": offset}, *buffers)

    def upload(self, data: bytes, name: str = "cat.jpg", key: str = "1") -> dict[str, Any]:
        self.offer(key, name, len(data))
        return self.chunk(key, 0, data)
