"""What is made once and kept: one limit for all kinds, one maker at a time, nothing left over."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from imgcap.inference import CancelledError, conversions
from imgcap.inference.conversions import discard, keep, place
from imgcap.inference.converted import converted
from imgcap.inference.fast import files
from tests.conftest import BuildCheckpoint
from tests.pages import wait_until


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(bytes(1000))
    return file


def make(target: Path) -> None:
    (target / "made").write_bytes(bytes(1000))


def is_whole(folder: Path) -> bool:
    return (folder / "made").is_file()


def kept(cache: Path, source: Path, kind: str = "a kind") -> Path:
    """Keep a thousand bytes made of a file."""
    folder = place(cache, kind, [source])
    keep(folder, [source], 1000, make, is_whole)
    return folder


def names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def test_weights_and_graphs_share_one_limit(
    checkpoint: BuildCheckpoint, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def graph(_: object, target: Path, __: object) -> None:
        (target / files.GRAPH).write_bytes(bytes(size))
        (target / files.CARD).write_text(json.dumps({"agrees": True}))

    monkeypatch.setattr(files, "_run", graph)
    folder = checkpoint("clip")
    weights = converted(folder, torch.bfloat16, cache)
    size = sum(file.stat().st_size for file in weights.iterdir())
    wanted = files.Wanted(
        "classifier", str(folder), str(folder), "bfloat16", compress=False, samples=""
    )
    found = files.made(wanted, cache, None, lambda: None)
    assert names(weights.parent) == {weights.name, found.parent.name}
    os.utime(weights, (1, 1))
    assert converted(folder, torch.bfloat16, cache) == weights, "now it is used again"
    os.utime(found.parent, (2, 2))
    monkeypatch.setattr(conversions, "LIMIT", int(2.5 * size))
    other = converted(folder, torch.float16, cache)
    assert names(weights.parent) == {weights.name, other.name}, "the graph was unused for longest"


def test_what_was_made_of_changed_or_lost_files_goes(cache: Path, tmp_path: Path) -> None:
    sources = [tmp_path / name for name in ("same", "changed", "lost")]
    for source in sources:
        source.write_text(source.name)
    same, *_ = (kept(cache, source) for source in sources)
    sources[1].write_text("changed indeed")
    sources[2].unlink()
    other = kept(cache, sources[0], "another kind")
    assert names(same.parent) == {same.name, other.name}


def test_what_an_ended_process_left_unfinished_goes_after_a_while(
    cache: Path, source: Path
) -> None:
    shelf = place(cache, "a kind", [source]).parent
    old, new = (shelf / f".unfinished-{name}" for name in ("old", "new"))
    for left in (old, new):
        left.mkdir(parents=True)
    lock = shelf / ".unfinished-of-a-process.lock"
    lock.touch()
    for each in (old, lock):
        os.utime(each, (1, 1))
    folder = kept(cache, source)
    assert names(shelf) == {folder.name, new.name}


def test_one_process_makes_it_and_the_others_wait(cache: Path, source: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path\n"
        "from imgcap.inference.conversions import keep, place\n"
        "cache, source = map(Path, sys.argv[1:])\n"
        "def make(target):\n    print('made'); time.sleep(0.5); (target / 'made').touch()\n"
        "def is_whole(folder): return (folder / 'made').is_file()\n"
        "folder = place(cache, 'a kind', [source])\n"
        "keep(folder, [source], 1000, make, is_whole)\n"
        "assert is_whole(folder)"
    )
    words = [sys.executable, "-c", program, str(cache), str(source)]
    processes = [subprocess.Popen(words, stdout=subprocess.PIPE) for _ in range(2)]
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert b"".join(said).split() == [b"made"]
    assert len(names(cache / "converted")) == 1, "no lock is left"


def test_waiting_for_another_process_can_be_cancelled(cache: Path, source: Path) -> None:
    folder = place(cache, "a kind", [source])
    folder.parent.mkdir(parents=True)
    unwanted, ended = threading.Event(), threading.Event()

    def wait() -> None:
        with pytest.raises(CancelledError):
            keep(folder, [source], 1000, make, is_whole, cancel=unwanted.is_set)
        ended.set()

    with FileLock(folder.with_name(f".unfinished-{folder.name}.lock")):
        threading.Thread(target=wait).start()
        assert not ended.wait(0.2)
        unwanted.set()
        wait_until(ended.is_set)
    assert not folder.exists()


def test_what_cannot_be_made_leaves_nothing(cache: Path, source: Path) -> None:
    def fail(target: Path) -> None:
        (target / "half").touch()
        raise ValueError("It cannot be made.")

    folder = place(cache, "a kind", [source])
    with pytest.raises(ValueError, match="cannot be made"):
        keep(folder, [source], 1000, fail, is_whole)
    assert names(folder.parent) == set()
    assert is_whole(kept(cache, source))


def test_what_was_discarded_is_made_again(cache: Path, source: Path) -> None:
    folder = kept(cache, source)
    with (folder / "made").open("rb") as used:
        discard(folder)
        assert names(folder.parent) == set()
        assert len(used.read()) == 1000, "who uses it keeps it"
    assert is_whole(kept(cache, source))
