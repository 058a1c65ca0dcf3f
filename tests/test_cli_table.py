import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from imgcap.results_file import FORMATS
from tests.picture_files import encode, quarters

ROOT = Path(__file__).parent.parent
BODY = """
import sys
from imgcap import cli, inference
from tests.naming_engine import NamingEngine
fake = NamingEngine(seconds=float(sys.argv[1]))
inference.open_engine = lambda *_: fake
cli.app(["describe", *sys.argv[2:]])
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(60):
        (folder / f"{number:02}.png").write_bytes(encode(quarters(8 + number, 8), "PNG"))
    (folder / "07.png").write_bytes(b"broken")
    return folder


def start(seconds: float, *arguments: object) -> "subprocess.Popen[str]":
    """Start the real command line over an engine that takes so long a batch and step."""
    return subprocess.Popen(
        [sys.executable, "-c", BODY, str(seconds), *map(str, arguments)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: "subprocess.Popen[str]") -> tuple[int, str]:
    out, errors = process.communicate(timeout=100)
    assert out == ""
    return process.returncode, errors


@pytest.mark.parametrize("name", FORMATS)
def test_a_killed_run_ends_as_if_it_had_never_been_stopped(
    tmp_path: Path, album: Path, name: str
) -> None:
    whole, out = tmp_path / f"whole.{name}", tmp_path / f"out.{name}"
    assert finish(start(0, album, "--out", whole))[0] == 1
    journal = out.with_name(f"{out.name}.unfinished")
    sizes = []
    for _ in range(2):
        process = start(0.15, album, "--out", out)
        deadline = time.monotonic() + 60
        before = journal.read_bytes().count(b"\n") if journal.exists() else 0
        while time.monotonic() < deadline and (
            not journal.exists() or journal.read_bytes().count(b"\n") < before + 2
        ):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        finish(process)
        assert not out.exists()
        sizes.append(journal.stat().st_size)
    assert 0 < sizes[0] < sizes[1]
    status, errors = finish(start(0, album, "--out", out))
    assert status == 1
    assert re.search(r"holds 60 pictures, \d+ of them from before; 1 of them failed\.", errors)
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == [album, out, whole]


def test_ctrl_c_says_how_to_go_on(tmp_path: Path, album: Path) -> None:
    out = tmp_path / "out.jsonl"
    process = start(0.3, album, "--out", out)
    journal = out.with_name(f"{out.name}.unfinished")
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (journal.exists() and journal.stat().st_size):
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    status, errors = finish(process)
    assert status == 130
    assert re.search(r"Stopped; \d+ of 60 pictures are kept: the same command goes on", errors)
    finish(start(0, album, "--out", out))
    rows = [json.loads(line) for line in out.open()]
    assert [Path(row["file"]).name for row in rows] == [f"{number:02}.png" for number in range(60)]
    assert [row["file"] for row in rows if row["error"]] == [str(album / "07.png")]
    assert rows[0]["caption"] == "a picture of 00"
    assert len(rows[0]["predictions"]) == 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "x.txt"], "must end in one of"),
        (["--out", "x.csv", "--json"], "--json contradicts --out"),
        (["--overwrite"], "--overwrite needs --out"),
    ],
)
def test_what_cannot_be_is_told_before_any_work(
    album: Path, arguments: list[str], sentence: str
) -> None:
    status, errors = finish(start(0, album, *arguments))
    assert status == 2
    assert sentence in errors
    assert errors.count("\n") == 1
