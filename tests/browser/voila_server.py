"""The real dashboard behind the real Voilà, started on a free port, and what tests ask of it."""

import json
import os
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Page, Playwright

from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
DASHBOARD = ROOT / "dashboard.ipynb"
FIRST_WIDGET = "#rendered_cells .jupyter-widgets:visible"
PATIENCE = 60  # seconds; only a broken machine needs them
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)


@dataclass(frozen=True)
class Server:
    """A running server: its page, what it stores, what it logged, and its process."""

    address: str
    feedback: Path
    log: Path
    process: psutil.Process


@contextmanager
def serve(folder: Path, *command: str, **environment: str) -> Iterator[Server]:
    """Run a Jupyter command in the repository until the block ends, with its kernels.

    ``{port}`` in a word of the command becomes a free port. What a person has configured for
    Jupyter is left out, feedback goes to ``folder``, and the hub is not asked for anything.
    """
    port = free_port()
    feedback, log = folder / "feedback.csv", folder / "server.log"
    environment = {
        **os.environ,
        "IMGCAP_FEEDBACK": f"csv:{feedback}",
        "IMGCAP_PICTURES": str(folder / "pictures"),
        "IMGCAP_CALIBRATION": str(folder / "calibration"),
        "IMGCAP_ADAPTERS": str(folder / "adapters"),
        "HF_HUB_OFFLINE": "1",
        "IPYTHONDIR": str(folder / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "jupyter-config"),
        "JUPYTER_DATA_DIR": str(folder / "jupyter-data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "jupyter-runtime"),
        **environment,
    }
    words = [sys.executable, "-m", *(word.replace("{port}", str(port)) for word in command)]
    with log.open("wb") as output:
        process = psutil.Popen(
            words, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        server = Server(f"http://127.0.0.1:{port}/", feedback, log, process)
        _wait_for_answer(server)
        yield server
    finally:
        _stop(process)


def voila(notebook: Path = DASHBOARD) -> tuple[str, ...]:
    """Return the command of ``make run``, on a free port and without opening a browser."""
    return ("voila", str(notebook), "--no-browser", "--port={port}", "--Voila.ip=127.0.0.1")


def launch_chromium(playwright: Playwright) -> Browser | None:
    """Start the machine's Chromium, or playwright's own; return None where there is neither."""
    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    if not found and not Path(playwright.chromium.executable_path).exists():
        return None
    return playwright.chromium.launch(executable_path=found, args=[*FLAGS])


def open_dashboard(page: Page, server: Server) -> float:
    """Load the page and return the seconds until its first widget could be seen."""
    started = time.perf_counter()
    page.goto(server.address, wait_until="commit")
    page.wait_for_selector(FIRST_WIDGET, timeout=PATIENCE * 1000)
    return time.perf_counter() - started


def kernels(server: Server) -> list[psutil.Process]:
    """Return the kernels that the server runs now."""
    return [child for child in server.process.children() if _is_kernel(child)]


def kernel_id(page: Page) -> str:
    """Return the id of the kernel behind an opened page."""
    return json.loads(page.locator("#jupyter-config-data").text_content() or "{}")["kernelId"]


def wait_until(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Return as soon as the condition holds, or fail."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} seconds"
        time.sleep(0.1)


def _is_kernel(process: psutil.Process) -> bool:
    try:
        return "ipykernel_launcher" in process.cmdline()
    except psutil.Error:  # it ended meanwhile
        return False


def _wait_for_answer(server: Server) -> None:
    def answers() -> bool:
        assert server.process.is_running(), server.log.read_text()
        try:
            urllib.request.urlopen(f"{server.address}voila/static/voila.js", timeout=5).close()  # noqa: S310
        except OSError as error:
            return isinstance(error, urllib.error.HTTPError)
        return True

    wait_until(answers)


def _stop(process: psutil.Process) -> None:
    family = [process, *process.children(recursive=True)]
    process.terminate()
    _, left = psutil.wait_procs(family, timeout=15)
    for straggler in left:
        straggler.kill()
