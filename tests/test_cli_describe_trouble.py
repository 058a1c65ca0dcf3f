"""What `imgcap describe` cannot do is one sentence each, and stops nothing else."""

import re
from pathlib import Path

import pytest

from tests.describe_cli import JPEG, Command, lines
from tests.naming_engine import NamingEngine


def test_bad_files_get_their_line_and_stop_nothing(command: Command, album: Path) -> None:
    (album / "dog.jpg").write_bytes(b"no dog")
    result = command("describe", album / "nothing.jpg", album, album / "cat.jpg", "--json")
    assert result.exit_code == 1
    assert [sorted(line) == ["error", "file"] for line in lines(result)] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert "There is no file" in str(lines(result)[0]["error"])


def test_errors_go_to_stderr_for_people(command: Command, album: Path) -> None:
    result = command("describe", album / "cat.jpg", album / "none.jpg")
    assert result.exit_code == 1
    assert result.stderr == f"imgcap: There is no file “{album}/none.jpg”.\n"
    assert "cat.jpg" in result.stdout
    assert "none.jpg" not in result.stdout


def test_a_file_that_the_engine_falls_over_is_the_only_one_lost(
    command: Command, naming_engine: NamingEngine, tmp_path: Path
) -> None:
    for number in range(10):
        (tmp_path / f"{number}.jpg").write_bytes(JPEG)
    naming_engine.break_on = "6.jpg"
    result = command("describe", tmp_path, "--json")
    assert result.exit_code == 1
    errors = [line for line in lines(result) if "error" in line]
    assert [line["file"] for line in errors] == [str(tmp_path / "6.jpg")]
    assert str(errors[0]["error"]).endswith("6.jpg” could not be described (RuntimeError).")
    assert len(lines(result)) == 10


def test_a_missing_model_is_one_sentence(
    command: Command, naming_engine: NamingEngine, album: Path
) -> None:
    naming_engine.missing = "The model is missing."
    result = command("describe", album, "--json")
    assert result.exit_code == 1
    assert result.stderr == "imgcap: The model is missing.\n"
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--labels", "nowhere.txt"], r"The label file nowhere\.txt could not be read: .*\."),
        (["--label", " "], r"One of the labels in --label is empty.*\."),
        (["--label", "cat", "--label", "Cat"], r"The label “Cat” is in --label more than once\."),
        (["--no-labels", "--no-caption"], r".* leave nothing to do\."),
        (["--no-labels", "--label", "x"], r"--no-labels contradicts .*\."),
    ],
)
def test_unusable_questions_are_one_sentence_and_status_two(
    command: Command, album: Path, arguments: list[str], sentence: str
) -> None:
    result = command("describe", album, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.fullmatch(rf"imgcap: {sentence}\n", result.stderr)


def test_an_empty_label_file_is_one_sentence(command: Command, album: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing yet\n")
    result = command("describe", album, "--labels", tmp_path / "empty.txt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "imgcap: There is no label in empty.txt: give at least one.\n"


def test_an_unusable_setting_is_one_sentence(
    command: Command, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGCAP_MAX_PIXELS", "many")
    result = command("describe", album)
    assert result.exit_code == 2
    assert re.fullmatch(r"imgcap: IMGCAP_MAX_PIXELS is “many”, but must be .*\.\n", result.stderr)


@pytest.mark.parametrize("arguments", [["describe"], ["describe", "x", "--top", "0"], ["draw"]])
def test_usage_errors_end_with_status_two(command: Command, arguments: list[str]) -> None:
    assert command(*arguments).exit_code == 2
