import json
import os
import re
import sys
import time
from pathlib import Path
from subprocess import PIPE

import psutil
import pytest
from typer.testing import CliRunner

from imgcap.cli import app
from imgcap.results_file import ResultRow
from imgcap.results_file.journal import Journal
from tests.picture_files import encode, quarters

ROOT = Path(__file__).parent.parent
WORKER = re.compile(r"ray::MapWorker")
# As Ray gives them one core each: sums of two threads differ in the last digit.
ONE_THREAD = {**os.environ, "OMP_NUM_THREADS": "1"}


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Twelve pictures; one is broken and one has a name that is no Unicode."""
    folder = tmp_path / "album"
    folder.mkdir()
    for number in range(11):
        (folder / f"{number:02}.png").write_bytes(encode(quarters(60 + 9 * number, 64), "PNG"))
    (folder / "05.png").write_bytes(b"broken")
    (folder / os.fsdecode(b"11-\xff.png")).write_bytes(encode(quarters(64, 64), "PNG"))
    return folder


def start(album: Path, out: Path, *options: str) -> psutil.Popen:
    words = [Path(sys.executable).with_name("imgcap"), "describe", album.name, "--out", out.name]
    return psutil.Popen(
        [*words, *options], cwd=album.parent, env=ONE_THREAD, stdout=PIPE, stderr=PIPE, text=True
    )


def workers(process: psutil.Popen) -> set[psutil.Process]:
    found = set()
    for child in process.children(recursive=True):
        try:
            if any(map(WORKER.match, child.cmdline())):
                found.add(child)
        except psutil.Error:  # it ended meanwhile
            continue
    return found


@pytest.mark.long
def test_two_processes_end_what_one_began_with_the_same_rows(tmp_path: Path, album: Path) -> None:
    whole, out = tmp_path / "whole.jsonl", tmp_path / "out.jsonl"
    assert start(album, whole).wait(120) == 1
    rows = [ResultRow.from_dict(json.loads(line)) for line in whole.open()]
    with Journal(tmp_path / "out.jsonl.unfinished") as journal:
        journal.append(rows[:1])
        journal.append(rows[1:3])

    process = start(album, out, "--ray", "--workers", "2")
    family: set[psutil.Process] = set()
    while process.poll() is None:
        family |= workers(process)
        time.sleep(0.2)
    output, errors = process.communicate(timeout=10)

    assert output == ""
    assert errors == (
        "imgcap: “album/05.png” is not a JPEG, PNG, WebP or GIF picture.\n"
        "imgcap: “out.jsonl” holds 12 pictures, 3 of them from before; 1 of them failed.\n"
    )
    assert process.returncode == 1
    assert out.read_bytes() == whole.read_bytes()
    assert sorted(tmp_path.iterdir()) == [album, out, whole]
    assert len(family) == 2
    assert psutil.wait_procs(family, timeout=60)[1] == []


def test_without_ray_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, album: Path) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    result = CliRunner().invoke(app, ["describe", str(album), "--ray"])
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "imgcap: --ray needs more packages: pip install 'imgcap[serve]'.\n"


def test_workers_are_rays(album: Path) -> None:
    result = CliRunner().invoke(app, ["describe", str(album), "--workers", "3"])
    assert (result.exit_code, result.stderr) == (2, "imgcap: --workers needs --ray.\n")
