"""`imgcap describe` as a process: its memory, its bar, Ctrl-C, and real models."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import BuildCheckpoint
from tests.describe_cli import JPEG
from tests.picture_files import encode, quarters

ROOT = Path(__file__).parent.parent
START = """
import sys
from imgcap import cli, inference
from tests.naming_engine import NamingEngine
"""


def script(body: str) -> list[str]:
    """A Python command that runs the real command line over an engine without models."""
    return [sys.executable, "-c", START + body]


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """A thousand names of one half-megapixel photograph."""
    folder = tmp_path / "many"
    folder.mkdir()
    (folder / "0000.jpg").write_bytes(encode(quarters(800, 600), "JPEG"))
    for number in range(1, 1000):
        (folder / f"{number:04}.jpg").hardlink_to(folder / "0000.jpg")
    return folder


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads Linux's /proc")
def test_a_thousand_files_do_not_grow_memory(many: Path) -> None:
    body = """
fake = NamingEngine()
inference.open_engine = lambda *_: fake
peaks = []
def watch():
    with open("/proc/self/status") as status:
        peaks.append(next(int(line.split()[1]) for line in status if line.startswith("VmHWM")))
fake.watch = watch
try:
    cli.app(["describe", sys.argv[1], "--json"])
finally:
    print(len(fake.batches), peaks[len(peaks) // 4] // 1024, peaks[-1] // 1024, file=sys.stderr)
"""
    done = subprocess.run(
        [*script(body), str(many)], cwd=ROOT, capture_output=True, text=True, check=True
    )
    batches, early, late = map(int, done.stderr.split())
    assert len(done.stdout.splitlines()) == 1000
    assert batches > 100
    assert late - early < 40  # a thousand decoded pictures would be 1,900 MB


@pytest.fixture
def slow(many: Path) -> Iterator[subprocess.Popen[str]]:
    """The command at work on a thousand files, threads waiting for room, 0.1 s a batch."""
    body = """
from imgcap import sources
sources.MAX_WAITING_PIXELS = 1_000_000
inference.open_engine = lambda *_: NamingEngine(seconds=0.1)
cli.app(["describe", sys.argv[1], "--json"])
"""
    process = subprocess.Popen(
        [*script(body), str(many)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.wait()


def test_ctrl_c_leaves_cleanly_with_the_finished_lines_written(
    slow: "subprocess.Popen[str]",
) -> None:
    assert slow.stdout is not None
    first = slow.stdout.readline()
    time.sleep(0.5)
    start = time.monotonic()
    slow.send_signal(signal.SIGINT)
    rest, errors = slow.communicate(timeout=20)
    assert time.monotonic() - start < 5
    assert slow.returncode == 130
    assert errors == ""
    finished = [json.loads(line) for line in (first + rest).splitlines()]
    assert 1 <= len(finished) < 1000
    assert (first + rest).endswith("\n")


def test_a_reader_that_leaves_early_is_no_error(slow: "subprocess.Popen[str]") -> None:
    assert slow.stdout is not None
    assert slow.stderr is not None
    assert json.loads(slow.stdout.readline())["caption"] == "a picture of 0000"
    slow.stdout.close()
    assert slow.wait(timeout=20) != 0
    assert slow.stderr.read() == ""


def test_the_bar_is_for_terminals_and_never_on_stdout(many: Path) -> None:
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    body = """
inference.open_engine = lambda *_: NamingEngine(seconds=0.05)
cli.app(["describe", *sys.argv[1:], "--json"])
"""
    files = [str(many / f"{number:04}.jpg") for number in range(12)]
    done = subprocess.run(
        [*script(body), *files],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=follower,
        check=True,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    )
    os.close(follower)
    shown = os.read(leader, 2**20).decode()
    os.close(leader)
    assert len([json.loads(line) for line in done.stdout.splitlines()]) == 12
    assert "Describing" in shown
    assert "/12" in shown


def test_a_real_engine_end_to_end(checkpoint: BuildCheckpoint, album: Path) -> None:
    (album / "broken.jpg").write_bytes(JPEG[:-40])
    env = os.environ | {
        "IMGCAP_CLASSIFIER": str(checkpoint("clip")),
        "IMGCAP_CAPTIONER": str(checkpoint("blip")),
        "HF_HUB_OFFLINE": "1",
        "OMP_NUM_THREADS": "1",
    }
    command = [sys.executable, "-c", "from imgcap.cli import main; main()"]
    done = subprocess.run(
        [*command, "describe", "--json", "--top", "3", str(album)],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == ""
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [Path(answer["file"]).name for answer in answers] == [
        "broken.jpg",
        "cat.jpg",
        "dog.jpg",
        "food.jpg",
    ]
    assert "damaged or incomplete" in answers[0]["error"]
    for answer in answers[1:]:
        assert answer["caption"]
        scores = [prediction["score"] for prediction in answer["predictions"]]
        assert len(scores) == 3
        assert scores == sorted(scores, reverse=True)
        assert answer["ms"]["caption"] > 0
        assert answer["models"]["classifier"] == env["IMGCAP_CLASSIFIER"]
