"""A real service of a test's own, and questions for it."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil
from PIL import Image

from imgcap.inference import Engine, open_engine
from imgcap.settings import Settings
from tests.ports import free_port

TOKEN = "a-secret"  # noqa: S105  # of a test
IDLE_S = 4.0
QUEUE = 12
SLOW = {"num_beams": 16, "min_new_tokens": 25, "max_new_tokens": 25}
SLOW_QUESTION = {"question": json.dumps(SLOW)}


@dataclass(frozen=True)
class Served:
    """A running service: its address, its process and an engine that uses it."""

    address: str
    process: psutil.Popen
    log: Path
    engine: Engine

    def post(self, path: str, token: str = TOKEN, **content: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.post(self.address + path, headers=headers, timeout=60, **content)

    def captioners(self) -> list[psutil.Process]:
        """Return the processes that write its captions."""
        children = self.process.children(recursive=True)
        return [child for child in children if ":captioner" in _name(child)]


def _name(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


@contextmanager
def serving(folder: Path) -> Iterator[Served]:
    """Run `imgcap serve` until the block ends, with its log in that folder."""
    port, log = free_port(), folder / "log"
    environment = {
        **os.environ,
        "IMGCAP_ENGINE_TOKEN": TOKEN,
        "IMGCAP_MAX_UPLOAD_MB": "1",
        "IMGCAP_SERVE_QUEUE": str(QUEUE),
        "IMGCAP_SERVE_IDLE_S": str(IDLE_S),
    }
    with log.open("wb") as output:
        process = psutil.Popen(
            [str(Path(sys.executable).with_name("imgcap")), "serve", f"--port={port}"],
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,  # so that Ctrl-C can be sent as a terminal sends it
        )
    address = f"http://127.0.0.1:{port}"
    family = []
    try:
        wait_until(lambda: f"Serving at {address}" in log.read_text(), 120, process)
        family = process.children(recursive=True)
        settings = Settings(engine=address, engine_token=TOKEN, max_upload_mb=1)
        yield Served(address, process, log, open_engine(settings))
        if process.is_running():
            process.terminate()
            process.wait(60)
    finally:
        for each in [process, *family]:
            if each.is_running():
                each.kill()


def wait_until(
    there: Callable[[], object], seconds: float, process: psutil.Popen | None = None
) -> None:
    deadline = time.monotonic() + seconds
    while not there():
        assert time.monotonic() < deadline, "it never came"
        assert process is None or process.poll() is None, "the service ended"
        time.sleep(0.1)


def question(text: str) -> dict[str, str]:
    return {"question": text}


def picture_file(width: int = 32) -> dict[str, tuple[str, bytes]]:
    file = io.BytesIO()
    Image.new("RGB", (width, 24), "red").save(file, "PNG")
    return {"picture": ("red.png", file.getvalue())}
