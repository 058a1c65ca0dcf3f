"""An inference service on loopback that does what a test tells it, right or wrong."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image

from imgcap.inference import Engine, open_engine
from imgcap.settings import Settings

TOKEN = "a-secret"  # noqa: S105  # of a test
PICTURE = Image.new("RGB", (8, 6), "red")
CLASSIFICATION = (
    b'{"predictions": [{"label": "cat", "score": 1.0}],'
    b' "independent": false, "model": "their labels", "ms": 1.0}'
)
CAPTION = b'{"captions": [{"text": "a cat", "score": -0.5}], "model": "theirs", "ms": 2.0}'
BOTH = b'{"classification": %s}\n{"captions": %s}\n' % (CLASSIFICATION, CAPTION)
ALL = {"/v1/classify": CLASSIFICATION, "/v1/caption": CAPTION, "/v1/describe": BOTH} | {
    f"/v1/models/{role}/load": json.dumps(
        {"role": role, "checkpoint": name, "stage": "ready"}
    ).encode()
    for role, name in [("classifier", "their labels"), ("captioner", "theirs")]
}
"""What a service answers to a page, by path."""


@dataclass
class Reply:
    """One answer; `seconds` is how long it takes, and `breaks` that it ends before its last byte.

    `pause` is how long it waits after the first line.
    """

    body: bytes | dict[str, bytes] = CAPTION  # one for all, or by path
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    seconds: float = 0
    breaks: bool = False
    pause: float = 0


@dataclass
class Scripted:
    """The replies to come, the last one for ever; what was asked, and when.

    `at_once` is how many requests were here when each of them came, itself among them.
    """

    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    at_once: list[int] = field(default_factory=list)
    url: str = ""


@contextmanager
def scripted(port: int = 0) -> Iterator[Scripted]:
    script = Scripted()
    server = ThreadingHTTPServer(("127.0.0.1", port), _handler(script))
    script.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield script
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def service() -> Iterator[Scripted]:
    """Give a running service, which answers every request with a caption until it is told else."""
    with scripted() as script:
        yield script


def engine_at(url: str, **settings: Any) -> Engine:
    """Return an engine that uses the service at an address."""
    return open_engine(Settings(engine=url, **settings))


def refusal(kind: str, status: int, **headers: str) -> Reply:
    """Return what a service answers when it refuses a request, and why."""
    body = json.dumps({"error": {"kind": kind, "message": f"This is wrong: {kind}."}})
    return Reply(body.encode(), status, headers)


def _handler(script: Scripted) -> Callable[..., BaseHTTPRequestHandler]:
    lock = threading.Lock()
    here: list[BaseHTTPRequestHandler] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            with lock:
                script.asked.append(self.path)
                script.tokens.append(self.headers["Authorization"])
                script.times.append(time.monotonic())
                here.append(self)
                script.at_once.append(len(here))
                reply = script.replies.pop(0) if len(script.replies) > 1 else script.replies[0]
            time.sleep(reply.seconds)
            body = reply.body if isinstance(reply.body, bytes) else reply.body[self.path]
            with suppress(OSError):  # whoever asked may have gone
                self.send_response(reply.status)
                self.send_header("Content-Length", str(len(body)))
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                first, line_end, rest = (body[:-1] if reply.breaks else body).partition(b"\n")
                self.wfile.write(first + line_end)
                time.sleep(reply.pause)
                self.wfile.write(rest)
            with lock:
                here.remove(self)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    return Handler
