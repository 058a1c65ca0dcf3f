"""`imgcap feedback export`, as programs and people at a terminal use it."""

import json
import subprocess
from pathlib import Path

import pytest

from imgcap.cli.feedback.options import FormatName
from imgcap.feedback.exchange import FORMATS
from tests.feedback_cli import IMGCAP, keep
from tests.feedback_moves import PATIENCE, run, some

pytestmark = pytest.mark.usefixtures("pictures")


def test_every_format_can_be_asked_for() -> None:
    assert set(FORMATS) == set(FormatName.__args__)


@pytest.mark.parametrize(
    ("name", "start"), [("a.csv", b"\xef\xbb\xbf"), ("a.JSONL", b'{"id"'), ("a.json", b"[\n")]
)
def test_the_name_of_the_file_says_the_format(
    source: str, tmp_path: Path, name: str, start: bytes
) -> None:
    keep(source, some(1))
    assert run("export", tmp_path / name).exit_code == 0
    assert (tmp_path / name).read_bytes().startswith(start)


def test_an_export_takes_filters_and_is_oldest_first(source: str) -> None:
    keep(source, some(10))
    result = run("export", "--format", "jsonl", "--rating", 2, "--rating", 3, "--search", "number")
    assert [json.loads(line)["comment"][:8] for line in result.stdout.splitlines()] == [
        "number 1",
        "number 2",
        "number 6",
        "number 7",
    ]
    result = run("export", "--format", "jsonl", "--since", "2026-05-01T20:00")
    assert len(result.stdout.splitlines()) == 2


def test_nothing_is_replaced_unasked(source: str, tmp_path: Path) -> None:
    keep(source, some(1))
    place = tmp_path / "feedback.csv"
    place.write_text("mine")
    result = run("export", place)
    assert result.exit_code == 1
    assert result.stderr == f"imgcap: “{place}” is there already; choose another name.\n"
    assert place.read_text() == "mine"
    assert run("export", place, "--overwrite").exit_code == 0
    assert "number 0" in place.read_text()


def test_standard_output_holds_the_file_byte_by_byte(source: str, tmp_path: Path) -> None:
    keep(source, some(3))
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


def test_a_reader_that_leaves_early_is_no_error(source: str) -> None:
    keep(source, some(3_000))
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
