"""`imgcap feedback` export, import and copy, as programs and people at a terminal use them."""

import contextlib
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgcap.cli import app
from imgcap.cli.feedback.options import FormatName
from imgcap.feedback import FeedbackRecord
from imgcap.feedback.exchange import FORMATS
from imgcap.feedback.exchange.plain import to_json
from imgcap.feedback.pictures import PictureFolder
from tests.feedback_cli import HOUR, IMGCAP, NOON, keep, stored
from tests.feedback_servers import PASSWORD
from tests.picture_files import every_kind

PATIENCE = 120.0
Run = Callable[..., Result]

pytestmark = pytest.mark.usefixtures("pictures")


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    url = f"sqlite:///{tmp_path / 'feedback.db'}"
    monkeypatch.setenv("IMGCAP_FEEDBACK", url)
    return url


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["feedback", *map(str, arguments)])


def some(number: int, **fields: object) -> list[FeedbackRecord]:
    return [
        FeedbackRecord(
            rating=1 + n % 5, comment=f"number {n} =\0😀\r\n", time=NOON + n * HOUR, **fields
        )
        for n in range(number)
    ]


def test_every_format_can_be_asked_for() -> None:
    assert set(FORMATS) == set(FormatName.__args__)


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_exported_is_imported_again_once(
    name: str, url: str, tmp_path: Path, pictures: PictureFolder
) -> None:
    records = some(5, picture_file=pictures.keep(next(iter(every_kind().values()))))
    keep(url, records)
    place = tmp_path / "export"
    result = run("export", place, "--format", name)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "5 records exported.\n", "")
    other = f"csv:{tmp_path / 'other.csv'}"
    for new in (5, 0):
        result = run("import", place, "--store", other)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"5 records read, {new} of them new.\n"
    assert stored(other) == stored(url)


def test_a_folder_brings_its_pictures_along(
    url: str, tmp_path: Path, pictures: PictureFolder
) -> None:
    [record] = some(1, picture_file=pictures.keep(next(iter(every_kind().values()))))
    keep(url, [record])
    assert run("export", tmp_path / "folder", "--format", "imagefolder").exit_code == 0
    pictures.delete(record.picture_file)
    assert run("import", tmp_path / "folder").exit_code == 0
    assert record.picture_file in pictures


@pytest.mark.parametrize(
    ("name", "start"), [("a.csv", b"\xef\xbb\xbf"), ("a.JSONL", b'{"id"'), ("a.json", b"[\n")]
)
def test_the_name_of_the_file_says_the_format(
    url: str, tmp_path: Path, name: str, start: bytes
) -> None:
    keep(url, some(1))
    assert run("export", tmp_path / name).exit_code == 0
    assert (tmp_path / name).read_bytes().startswith(start)


def test_an_export_takes_filters_and_is_oldest_first(url: str) -> None:
    keep(url, some(10))
    result = run("export", "--format", "jsonl", "--rating", 2, "--rating", 3, "--search", "number")
    assert [json.loads(line)["comment"][:8] for line in result.stdout.splitlines()] == [
        "number 1",
        "number 2",
        "number 6",
        "number 7",
    ]
    result = run("export", "--format", "jsonl", "--since", "2026-05-01T20:00")
    assert len(result.stdout.splitlines()) == 2


def test_nothing_is_replaced_unasked(url: str, tmp_path: Path) -> None:
    keep(url, some(1))
    place = tmp_path / "feedback.csv"
    place.write_text("mine")
    result = run("export", place)
    assert result.exit_code == 1
    assert result.stderr == f"imgcap: “{place}” is there already; choose another name.\n"
    assert place.read_text() == "mine"
    assert run("export", place, "--overwrite").exit_code == 0
    assert "number 0" in place.read_text()


def test_standard_output_holds_the_file_byte_by_byte(url: str, tmp_path: Path) -> None:
    keep(url, some(3))
    place = tmp_path / "feedback.csv"
    assert run("export", place).exit_code == 0
    done = subprocess.run(
        [IMGCAP, "feedback", "export", "-"], capture_output=True, check=True, cwd=tmp_path
    )
    assert done.stdout == place.read_bytes()
    assert done.stderr == b""
    result = run("export", "-", "--format", "imagefolder")
    assert result.exit_code == 1
    assert result.stderr == ("imgcap: The format imagefolder needs a folder to be written to.\n")


def test_a_reader_that_leaves_early_is_no_error(url: str) -> None:
    keep(url, some(3_000))
    process = subprocess.Popen(
        [IMGCAP, "feedback", "export"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.wait(PATIENCE) != 0
    assert process.stderr.read() == b""
    process.stderr.close()


def test_a_bad_line_of_an_import_is_named_and_what_came_before_is_stored(
    url: str, tmp_path: Path
) -> None:
    first, second = some(2)
    keep(url, [first])
    file = tmp_path / "broken.jsonl"
    file.write_text(f"{to_json(first)}\n{to_json(second)}\n{{}}\n")
    result = run("import", file)
    assert result.exit_code == 1
    assert result.stderr == (
        f"imgcap: Line 3 of “{file}” cannot be imported: it has no id or no time; "
        "before that 2 records read, 1 of them new.\n"
    )
    assert len(stored(url)) == 2
    result = run("import", tmp_path / "nowhere.csv")
    assert result.exit_code == 1
    assert result.stderr.endswith("; before that nothing was stored.\n")


def test_the_ratings_of_the_original_app_are_imported(url: str, tmp_path: Path) -> None:
    file = tmp_path / "feedback.csv"
    file.write_text('Rating,Feedback\n4,"good, mostly"\n2,bad\n')
    for new in (2, 0):
        assert run("import", file).stdout == f"2 records read, {new} of them new.\n"
    assert {(each.rating, each.comment) for each in stored(url)} == {
        (4, "good, mostly"),
        (2, "bad"),
    }


def test_a_copy_is_counted_compared_and_repeatable(url: str, tmp_path: Path) -> None:
    keep(url, some(7))
    target = f"csv:{tmp_path / 'copy.csv'}"
    sums = set()
    for new in (7, 0):
        result = run("copy", url, target)
        assert (result.exit_code, result.stderr) == (0, "")
        found = re.fullmatch(
            rf"7 records copied and compared, {new} of them new\.\nchecksum ([0-9a-f]{{64}})\n",
            result.stdout,
        )
        assert found
        sums.add(found[1])
    assert len(sums) == 1
    assert stored(target) == stored(url)


def test_a_copy_that_would_differ_or_go_nowhere_is_refused(url: str, tmp_path: Path) -> None:
    [record] = some(1)
    keep(url, [record])
    target = f"csv:{tmp_path / 'copy.csv'}"
    keep(target, [record.model_copy(update={"comment": "other"})])
    result = run("copy", url, target)
    assert result.exit_code == 1
    assert result.stderr.startswith("imgcap: 1 of the records are not the same in the target")
    result = run("copy", url, url)
    assert (result.exit_code, result.stderr) == (2, "imgcap: FROM and TO are the same store.\n")
    result = run("copy", url, f"postgresql://imgcap:{PASSWORD}@127.0.0.1:1/imgcap")
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert PASSWORD not in result.stderr


def test_rows_that_are_left_behind_fail_the_copy(tmp_path: Path) -> None:
    source = f"csv:{tmp_path / 'feedback.csv'}"
    keep(source, some(3))
    file = tmp_path / "feedback.csv"
    file.write_bytes(file.read_bytes().replace(b'"2","number 1', b'"many","number 1'))
    result = run("copy", source, f"sqlite:///{tmp_path / 'copy.db'}")
    assert result.exit_code == 1
    assert result.stdout.startswith("2 records copied")
    assert "rating must be a whole number" in result.stderr


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


def test_the_bar_is_for_terminals_and_never_on_stdout(url: str, tmp_path: Path) -> None:
    keep(url, some(500))
    for arguments, doing, total in (
        (["export", "all.csv"], "Exporting", "500/500"),
        (["import", "all.csv"], "Importing", "500/"),
        (["copy", url, "csv:copy.csv"], "Copying and comparing", "1000/1000"),
    ):
        written, shown = seen_on_terminal(arguments, tmp_path)
        assert written.startswith("500 records")
        assert "\x1b" not in written
        assert doing in shown
        assert total in shown
