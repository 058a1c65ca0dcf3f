"""A small model hub on loopback: enough of the real one's HTTP interface to download from."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

_PIECE = 2**16


@dataclass
class Commit:
    """One commit of a repository: its id and its files.

    With `pickle` the folder's weights are replaced by a pytorch_model.bin of that content; a
    `conversion` has both.
    """

    id: str
    folder: Path
    pickle: bytes = b""
    conversion: bool = False

    def files(self) -> dict[str, bytes]:
        contents = {path.name: path.read_bytes() for path in sorted(self.folder.iterdir())}
        if self.pickle:
            contents["pytorch_model.bin"] = self.pickle
            if not self.conversion:
                del contents["model.safetensors"]
        return contents


@dataclass
class Hub:
    """Repositories by id and reference, the log of what was asked for, and how slow it answers."""

    commits: dict[str, dict[str, Commit]] = field(default_factory=dict)
    pulls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    url: str = ""
    pace: float = 0  # seconds that each megabyte of a file takes
    stalled_after: int | None = None  # bytes of a file after which nothing more comes
    _closed: threading.Event = field(default_factory=threading.Event)

    def stall(self) -> None:
        """Leave whoever waits for a file without another byte, until there is no stall any more."""
        while self.stalled_after is not None and not self._closed.wait(0.02):
            pass

    def close(self) -> None:
        self._closed.set()

    def add(self, hub_id: str, reference: str, commit: Commit) -> None:
        references = self.commits.setdefault(hub_id, {})
        references[reference] = references[commit.id] = commit

    def add_conversion(self, hub_id: str, commit: Commit, *, author: str = "SFconvertbot") -> None:
        """Add a pull request of the kind in which the hub's bot adds safetensors."""
        number = len(self.pulls.setdefault(hub_id, [])) + 1
        self.pulls[hub_id].append(
            {
                "num": number,
                "title": "Adding `safetensors` variant of this model",
                "author": {"name": author},
                "createdAt": "2023-01-01T00:00:00.000Z",
                "status": "open",
                "isPullRequest": True,
                "repo": {"name": hub_id, "type": "model"},
            }
        )
        self.add(hub_id, f"refs/pr/{number}", commit)


@contextmanager
def serve() -> Iterator[Hub]:
    """Run a hub on a free port until the block ends."""
    hub = Hub()

    class Handler(_Handler):
        pass

    Handler.hub = hub
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        hub.close()
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def handle(self) -> None:
        with suppress(ConnectionError):  # a visitor who has had enough
            super().handle()

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append(f"{self.command} {path}")
        if match := re.fullmatch(r"/api/models/([^/]+/[^/]+)(/.*)?", path):
            self._api(match[1], (match[2] or "").strip("/"))
        elif match := re.fullmatch(r"/([^/]+/[^/]+)/resolve/(refs/pr/\d+|[^/]+)/(.+)", path):
            self._file(*match.groups())
        else:
            self._json({"error": "no such page"}, 404)

    def _api(self, hub_id: str, rest: str) -> None:
        if hub_id not in self.hub.commits:
            self._json({"error": "Repository not found"}, 404, "RepoNotFound")
        elif rest == "discussions":
            pulls = self.hub.pulls.get(hub_id, [])
            self._json({"discussions": pulls, "count": len(pulls), "start": 0})
        elif match := re.fullmatch(r"tree/(refs/pr/\d+|[^/]+)/?", rest):
            files = self.hub.commits[hub_id][match[1]].files()
            self._json([_entry(name, content) for name, content in files.items()])
        else:
            commit = self.hub.commits[hub_id].get(rest.removeprefix("revision/") or "main")
            if commit is None:
                self._json({"error": "Revision not found"}, 404, "RevisionNotFound")
                return
            siblings = [
                {"rfilename": name, "blobId": _hash(content), "size": len(content)}
                for name, content in commit.files().items()
            ]
            self._json({"id": hub_id, "sha": commit.id, "siblings": siblings, "private": False})

    def _file(self, hub_id: str, reference: str, name: str) -> None:
        commit = self.hub.commits.get(hub_id, {}).get(reference)
        if commit is None or name not in commit.files():
            self._json({"error": "Entry not found"}, 404, "EntryNotFound")
            return
        content = commit.files()[name]
        start = int(re.sub(r"\D", "", self.headers.get("Range", "0-").split("-")[0]) or 0)
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(content) - start))
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("ETag", f'"{_hash(content)}"')
        self.send_header("X-Repo-Commit", commit.id)
        # The hub offers its large files by this way as well.
        self.send_header("X-Xet-Hash", _hash(content))
        self.send_header("X-Xet-Refresh-Route", f"/api/models/{hub_id}/xet-read-token/{commit.id}")
        self.end_headers()
        if self.command == "GET":
            self._write(content[start:])

    def _write(self, content: bytes) -> None:
        for start in range(0, len(content), _PIECE):
            if self.hub.stalled_after is not None and start >= self.hub.stalled_after:
                self.hub.stall()
            time.sleep(self.hub.pace * _PIECE / 10**6)
            self.wfile.write(content[start : start + _PIECE])

    def _json(self, content: object, status: int = 200, code: str = "") -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if code:
            self.send_header("X-Error-Code", code)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)


def _entry(name: str, content: bytes) -> dict[str, Any]:
    return {"type": "file", "path": name, "size": len(content), "oid": _hash(content)}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
