"""Long exports, imports and copies show how far they are, and end cleanly at Ctrl-C."""

import contextlib
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.exchange.plain import to_json
from tests.feedback_cli import IMGCAP, keep, stored
from tests.feedback_moves import PATIENCE, run, some

pytestmark = pytest.mark.usefixtures("pictures")


def interrupted(arguments: Sequence[str], begun: Callable[[], bool]) -> "tuple[int, str, str]":
    """Run the command and press Ctrl-C once it has begun."""
    process = subprocess.Popen(
        [IMGCAP, "feedback", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    give_up = time.monotonic() + PATIENCE
    while not begun():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < give_up
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=PATIENCE)
    return process.returncode, out, errors


@pytest.fixture(scope="module")
def many() -> list[FeedbackRecord]:
    return some(8_000)


def test_ctrl_c_keeps_what_an_import_has_stored(many: list[FeedbackRecord], tmp_path: Path) -> None:
    file, place = tmp_path / "many.jsonl", tmp_path / "feedback.csv"
    file.write_text("\n".join(map(to_json, many)))
    arguments = ["import", str(file), "--store", f"csv:{place}"]
    status, out, errors = interrupted(
        arguments, lambda: place.exists() and place.stat().st_size > 100_000
    )
    assert (status, out) == (130, "")
    found = re.fullmatch(
        r"imgcap: Stopped; before that ([\d,]+) records read, \1 of them new\.\n", errors
    )
    assert found, errors
    told = int(found[1].replace(",", ""))
    there = len(stored(f"csv:{place}"))
    assert 0 < told <= there <= told + 200
    assert there < len(many)
    result = run(*arguments)
    assert result.stdout == f"8,000 records read, {8_000 - there:,} of them new.\n"


def test_ctrl_c_stops_a_copy_that_can_go_on(many: list[FeedbackRecord], tmp_path: Path) -> None:
    source, place = f"sqlite:///{tmp_path / 'feedback.db'}", tmp_path / "copy.csv"
    keep(source, many)
    target = f"csv:{place}"
    status, out, errors = interrupted(
        ["copy", source, target], lambda: place.exists() and place.stat().st_size > 100_000
    )
    assert (status, out) == (130, "")
    assert errors == "imgcap: Stopped; the same command goes on where this ended.\n"
    there = len(stored(target))
    assert 0 < there < len(many)
    result = run("copy", source, target)
    assert f"8,000 records copied and compared, {8_000 - there:,} of them new." in result.stdout


def test_ctrl_c_leaves_no_half_of_an_export(many: list[FeedbackRecord], tmp_path: Path) -> None:
    source = f"sqlite:///{tmp_path / 'feedback.db'}"
    keep(source, many)
    folder = tmp_path / "exports"
    folder.mkdir()
    arguments = ["export", str(folder / "all.jsonl"), "--store", source]
    status, out, errors = interrupted(arguments, lambda: any(folder.iterdir()))
    assert (status, out) == (130, "")
    assert errors == "imgcap: Stopped; nothing was exported.\n"
    assert not any(folder.iterdir())


def seen_on_terminal(arguments: Sequence[str], folder: Path) -> tuple[str, str]:
    """Run the command with a terminal as its standard error; return its output and what shows."""
    pty = pytest.importorskip("pty")
    leader, follower = pty.openpty()
    with subprocess.Popen(
        [IMGCAP, "feedback", *arguments],
        stdout=subprocess.PIPE,
        stderr=follower,
        cwd=folder,
        env=os.environ | {"TERM": "xterm", "COLUMNS": "80"},
    ) as process:
        os.close(follower)
        shown = b""
        with contextlib.suppress(OSError):  # Linux's way to say that nobody writes any more
            while part := os.read(leader, 2**16):
                shown += part
        os.close(leader)
        assert process.stdout is not None
        written = process.stdout.read()
    assert process.returncode == 0, shown
    return written.decode(), shown.decode()


def test_the_bar_is_for_terminals_and_never_on_stdout(source: str, tmp_path: Path) -> None:
    keep(source, some(500))
    for arguments, doing, total in (
        (["export", "all.csv"], "Exporting", "500/500"),
        (["import", "all.csv"], "Importing", "500/"),
        (["copy", source, "csv:copy.csv"], "Copying and comparing", "1000/1000"),
    ):
        written, shown = seen_on_terminal(arguments, tmp_path)
        assert written.startswith("500 records")
        assert "\x1b" not in written
        assert doing in shown
        assert total in shown
