"""What `imgcap describe` answers, to people and to programs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imgcap import inference
from imgcap.cli import app
from tests.describe_cli import JPEG, Command, lines
from tests.naming_engine import NamingEngine


def test_json_lines_have_exactly_the_promised_keys(command: Command, album: Path) -> None:
    result = command("describe", album / "cat.jpg", "--json", "--label", "cat", "--label", "dog")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert lines(result) == [
        {
            "file": str(album / "cat.jpg"),
            "caption": "a picture of cat",
            "predictions": [{"label": "cat", "score": 0.8}, {"label": "dog", "score": 0.2}],
            "summary": "This picture most likely shows a cat (80\xa0%).",
            "models": {"classifier": "fake", "captioner": "fake"},
            "ms": {"classify": 1.0, "caption": 2.0},
        }
    ]


def test_people_read_file_caption_labels_and_summary(command: Command, album: Path) -> None:
    result = command("describe", album / "cat.jpg", "--label", "cat", "--label", "large dog")
    assert result.stdout.splitlines() == [
        str(album / "cat.jpg"),
        "  a picture of cat",
        "    cat             80 %",
        "    large dog       20 %",
        "  This picture most likely shows a cat (80 %).",
        "",
    ]


def test_a_folder_gives_a_result_a_file_in_order(command: Command, album: Path) -> None:
    result = command("describe", album, "--json")
    assert [line["caption"] for line in lines(result)] == [
        "a picture of cat",
        "a picture of dog",
        "a picture of food",
    ]
    assert [line["predictions"][0]["label"] for line in lines(result)] == [  # type: ignore[index]
        "a photo of a cat",
        "a photo of a dog",
        "food",
    ]


def test_batches_start_small_and_grow(
    command: Command, naming_engine: NamingEngine, tmp_path: Path
) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.jpg").write_bytes(JPEG)
    assert command("describe", tmp_path).exit_code == 0
    assert naming_engine.closed
    assert [len(batch) for batch in naming_engine.batches] == [1, 2, 4, 8, 8, 7]


def test_pictures_are_decoded_while_the_engine_works(
    command: Command, naming_engine: NamingEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgcap import sources

    decoded: list[int] = []
    real = sources.open_picture
    monkeypatch.setattr(
        sources, "open_picture", lambda *a, **k: (decoded.append(1), real(*a, **k))[1]
    )
    seen: list[int] = []
    naming_engine.seconds = 0.2
    naming_engine.watch = lambda: seen.append(len(decoded))
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(JPEG)
    command("describe", tmp_path, "--no-labels")
    assert seen[0] == 4  # all were ready before the first answer


def test_standard_input(command: Command) -> None:
    [line] = lines(command("describe", "-", "--json", data=JPEG))
    assert line["file"] == "-"
    assert line["caption"] == "a picture of -"
    [line] = lines(command("describe", "-", "--json"))
    assert line == {"file": "-", "error": "“-” is empty."}


@pytest.mark.parametrize(
    ("option", "absent", "role"),
    [("--no-caption", "caption", "captioner"), ("--no-labels", "classify", "classifier")],
)
def test_half_the_question_gets_half_the_answer(
    command: Command, album: Path, option: str, absent: str, role: str
) -> None:
    line = lines(command("describe", album / "cat.jpg", "--json", option))[0]
    assert line["models"][role] is None  # type: ignore[index]
    assert line["ms"][absent] is None  # type: ignore[index]
    assert (line["caption"] is None) == (option == "--no-caption")
    assert (line["predictions"] == []) == (option == "--no-labels")


def test_top_limits_the_labels(command: Command, album: Path) -> None:
    for arguments, expected in (([], 5), (["--top", "2"], 2), (["--top", "99"], 9)):
        line = lines(command("describe", album / "cat.jpg", "--json", *arguments))[0]
        assert len(line["predictions"]) == expected  # type: ignore[arg-type]


def test_labels_come_from_options_files_and_sets(
    command: Command, album: Path, tmp_path: Path
) -> None:
    def asked(*arguments: object) -> set[str]:
        result = command("describe", album / "cat.jpg", "--json", "--top", "2000", *arguments)
        assert result.exit_code == 0, result.stderr
        return {prediction["label"] for prediction in lines(result)[0]["predictions"]}  # type: ignore[attr-defined]

    file = tmp_path / "mine.txt"
    file.write_text("# My own\na tram\na ferry\n")
    assert asked("--labels", file) == {"a tram", "a ferry"}
    assert asked("--labels", file, "--label", "a bus") == {"a tram", "a ferry", "a bus"}
    assert "a bowl of soup" in asked("--labels", "food")
    assert len(asked("--labels", "imagenet")) == 1000
    assert "a photo of a cat" in asked()


def test_names_cannot_steer_the_terminal_but_stay_exact_in_json(
    command: Command, tmp_path: Path
) -> None:
    path = tmp_path / "a\x1b[2J\nb\udcff.jpg"
    path.write_bytes(JPEG)
    result = command("describe", path)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "\udcff" not in result.stdout
    assert lines(command("describe", path, "--json"))[0]["file"] == str(path)


def test_a_download_is_announced_where_no_bar_is_shown(
    monkeypatch: pytest.MonkeyPatch, album: Path
) -> None:
    def open_engine(_: object, listener: Callable[[inference.ModelEvent], None]) -> NamingEngine:
        for done in (0, 50, 100):
            listener(inference.ModelEvent("classifier", "some/model", "download", done, 100))
        return NamingEngine()

    monkeypatch.setattr(inference, "open_engine", open_engine)
    result = CliRunner().invoke(app, ["describe", str(album / "cat.jpg"), "--json"])
    assert result.stderr == "imgcap: Downloading some/model\n"
