import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgcap import inference
from imgcap.cli import app
from tests.conftest import BuildCheckpoint
from tests.fakes import FakeEngine
from tests.picture_files import encode, every_kind, quarters

JPEG = every_kind()["JPEG"]
ROOT = Path(__file__).parent.parent
Run = Callable[..., Result]


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> FakeEngine:
    fake = FakeEngine()
    monkeypatch.setattr(inference, "open_engine", lambda *_: fake)
    return fake


@pytest.fixture
def run(engine: FakeEngine) -> Run:  # noqa: ARG001  # no test below starts a real one
    def call(*arguments: object, data: bytes = b"") -> Result:
        return CliRunner().invoke(app, [str(part) for part in arguments], input=data)

    return call


@pytest.fixture
def album(tmp_path: Path) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("cat.jpg", "dog.jpg", "food.jpg"):
        (folder / name).write_bytes(JPEG)
    return folder


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_json_lines_have_exactly_the_promised_keys(run: Run, album: Path) -> None:
    result = run("describe", album / "cat.jpg", "--json", "--label", "cat", "--label", "dog")
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


def test_people_read_file_caption_labels_and_summary(run: Run, album: Path) -> None:
    result = run("describe", album / "cat.jpg", "--label", "cat", "--label", "large dog")
    assert result.stdout.splitlines() == [
        str(album / "cat.jpg"),
        "  a picture of cat",
        "    cat             80 %",
        "    large dog       20 %",
        "  This picture most likely shows a cat (80 %).",
        "",
    ]


def test_a_folder_gives_a_result_a_file_in_order(run: Run, album: Path) -> None:
    result = run("describe", album, "--json")
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


def test_bad_files_get_their_line_and_stop_nothing(run: Run, album: Path) -> None:
    (album / "dog.jpg").write_bytes(b"no dog")
    result = run("describe", album / "nothing.jpg", album, album / "cat.jpg", "--json")
    assert result.exit_code == 1
    assert [sorted(line) == ["error", "file"] for line in lines(result)] == [
        True,
        False,
        True,
        False,
        False,
    ]
    assert "There is no file" in str(lines(result)[0]["error"])


def test_errors_go_to_stderr_for_people(run: Run, album: Path) -> None:
    result = run("describe", album / "cat.jpg", album / "none.jpg")
    assert result.exit_code == 1
    assert result.stderr == f"imgcap: There is no file “{album}/none.jpg”.\n"
    assert "cat.jpg" in result.stdout
    assert "none.jpg" not in result.stdout


def test_a_file_that_the_engine_falls_over_is_the_only_one_lost(
    run: Run, engine: FakeEngine, tmp_path: Path
) -> None:
    for number in range(10):
        (tmp_path / f"{number}.jpg").write_bytes(JPEG)
    engine.break_on = "6.jpg"
    result = run("describe", tmp_path, "--json")
    assert result.exit_code == 1
    errors = [line for line in lines(result) if "error" in line]
    assert [line["file"] for line in errors] == [str(tmp_path / "6.jpg")]
    assert str(errors[0]["error"]).endswith("6.jpg” could not be described (RuntimeError).")
    assert len(lines(result)) == 10


def test_a_missing_model_is_one_sentence(run: Run, engine: FakeEngine, album: Path) -> None:
    engine.missing = "The model is missing."
    result = run("describe", album, "--json")
    assert result.exit_code == 1
    assert result.stderr == "imgcap: The model is missing.\n"
    assert result.stdout == ""


def test_batches_start_small_and_grow(run: Run, engine: FakeEngine, tmp_path: Path) -> None:
    for number in range(30):
        (tmp_path / f"{number:02}.jpg").write_bytes(JPEG)
    assert run("describe", tmp_path).exit_code == 0
    assert engine.closed
    assert [len(batch) for batch in engine.batches] == [1, 2, 4, 8, 8, 7]


def test_pictures_are_decoded_while_the_engine_works(
    run: Run, engine: FakeEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from imgcap import sources

    decoded: list[int] = []
    real = sources.open_picture
    monkeypatch.setattr(
        sources, "open_picture", lambda *a, **k: (decoded.append(1), real(*a, **k))[1]
    )
    seen: list[int] = []
    engine.seconds = 0.2
    engine.watch = lambda: seen.append(len(decoded))
    for number in range(4):
        (tmp_path / f"{number}.jpg").write_bytes(JPEG)
    run("describe", tmp_path, "--no-labels")
    assert seen[0] == 4  # all were ready before the first answer


def test_standard_input(run: Run) -> None:
    [line] = lines(run("describe", "-", "--json", data=JPEG))
    assert line["file"] == "-"
    assert line["caption"] == "a picture of -"
    [line] = lines(run("describe", "-", "--json"))
    assert line == {"file": "-", "error": "“-” is empty."}


@pytest.mark.parametrize(
    ("option", "absent", "role"),
    [("--no-caption", "caption", "captioner"), ("--no-labels", "classify", "classifier")],
)
def test_half_the_question_gets_half_the_answer(
    run: Run, album: Path, option: str, absent: str, role: str
) -> None:
    line = lines(run("describe", album / "cat.jpg", "--json", option))[0]
    assert line["models"][role] is None  # type: ignore[index]
    assert line["ms"][absent] is None  # type: ignore[index]
    assert (line["caption"] is None) == (option == "--no-caption")
    assert (line["predictions"] == []) == (option == "--no-labels")


def test_top_limits_the_labels(run: Run, album: Path) -> None:
    for arguments, expected in (([], 5), (["--top", "2"], 2), (["--top", "99"], 9)):
        line = lines(run("describe", album / "cat.jpg", "--json", *arguments))[0]
        assert len(line["predictions"]) == expected  # type: ignore[arg-type]


def test_labels_come_from_options_files_and_sets(run: Run, album: Path, tmp_path: Path) -> None:
    def asked(*arguments: object) -> set[str]:
        result = run("describe", album / "cat.jpg", "--json", "--top", "2000", *arguments)
        assert result.exit_code == 0, result.stderr
        return {prediction["label"] for prediction in lines(result)[0]["predictions"]}  # type: ignore[attr-defined]

    file = tmp_path / "mine.txt"
    file.write_text("# My own\na tram\na ferry\n")
    assert asked("--labels", file) == {"a tram", "a ferry"}
    assert asked("--labels", file, "--label", "a bus") == {"a tram", "a ferry", "a bus"}
    assert "a bowl of soup" in asked("--labels", "food")
    assert len(asked("--labels", "imagenet")) == 1000
    assert "a photo of a cat" in asked()


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
    run: Run, album: Path, arguments: list[str], sentence: str
) -> None:
    result = run("describe", album, *arguments)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.fullmatch(rf"imgcap: {sentence}\n", result.stderr)


def test_an_empty_label_file_is_one_sentence(run: Run, album: Path, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").write_text("# nothing yet\n")
    result = run("describe", album, "--labels", tmp_path / "empty.txt")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "imgcap: There is no label in empty.txt: give at least one.\n"


def test_an_unusable_setting_is_one_sentence(
    run: Run, album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMGCAP_MAX_PIXELS", "many")
    result = run("describe", album)
    assert result.exit_code == 2
    assert re.fullmatch(r"imgcap: IMGCAP_MAX_PIXELS is “many”, but must be .*\.\n", result.stderr)


@pytest.mark.parametrize("arguments", [["describe"], ["describe", "x", "--top", "0"], ["draw"]])
def test_usage_errors_end_with_status_two(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_names_cannot_steer_the_terminal_but_stay_exact_in_json(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[2J\nb\udcff.jpg"
    path.write_bytes(JPEG)
    result = run("describe", path)
    assert result.exit_code == 0
    assert "\x1b" not in result.stdout
    assert "\udcff" not in result.stdout
    assert lines(run("describe", path, "--json"))[0]["file"] == str(path)


def script(body: str) -> list[str]:
    """A Python command that runs the real command line over the fake engine."""
    start = "import sys\nfrom imgcap import cli, inference\nfrom tests.fakes import FakeEngine\n"
    return [sys.executable, "-c", start + body]


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
fake = FakeEngine()
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
inference.open_engine = lambda *_: FakeEngine(seconds=0.1)
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
inference.open_engine = lambda *_: FakeEngine(seconds=0.05)
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


def test_a_download_is_announced_where_no_bar_is_shown(
    monkeypatch: pytest.MonkeyPatch, album: Path
) -> None:
    def open_engine(_: object, listener: Callable[[inference.ModelEvent], None]) -> FakeEngine:
        for done in (0, 50, 100):
            listener(inference.ModelEvent("classifier", "some/model", "download", done, 100))
        return FakeEngine()

    monkeypatch.setattr(inference, "open_engine", open_engine)
    result = CliRunner().invoke(app, ["describe", str(album / "cat.jpg"), "--json"])
    assert result.stderr == "imgcap: Downloading some/model\n"


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
