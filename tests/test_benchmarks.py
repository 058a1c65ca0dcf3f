import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main as run_all
from benchmarks.results import Result, keep
from benchmarks.speed import main
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint
from tests.feedback_servers import programs_of_postgresql

ROOT = Path(__file__).resolve().parent.parent


def test_a_run_prints_a_table_and_writes_what_it_measured(
    checkpoint: BuildCheckpoint,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for index, picture in enumerate(pictures(2)):
        picture.save(tmp_path / f"{index}.png")
    (tmp_path / "labels.txt").write_text("cat\ndog\n")
    arguments = {
        "--classifier": checkpoint("clip"),
        "--captioner": checkpoint("git"),
        "--pictures": tmp_path,
        "--labels": tmp_path / "labels.txt",
        "--count": 3,
        "--rounds": 2,
        "--json": tmp_path / "out" / "results.json",
    }
    command = ["benchmarks.speed", *(str(part) for pair in arguments.items() for part in pair)]
    monkeypatch.setattr(sys, "argv", command)

    assert main() == 0

    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert written["machine"]["cores"] > 0
    ways = [(row["task"], row["way"]) for row in written["rows"]]
    names = ["plain transformers, float32", "imgcap", "imgcap, batches of 8"]
    assert ways == [(task, name) for task in ("classify", "caption") for name in names]
    assert all(row["pictures_per_second"] > 0 for row in written["rows"])
    assert all(len(row["ms_per_picture"]) == 2 for row in written["rows"])
    assert printed.count("1.00x") >= 2


def test_a_missing_checkpoint_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pictures(1)[0].save(tmp_path / "one.png")
    (tmp_path / "labels.txt").write_text("cat\n")
    command = ["benchmarks.speed", "--classifier", str(tmp_path), "--pictures", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*command, "--labels", str(tmp_path / "labels.txt")])
    assert main() == 1
    assert capsys.readouterr().err == f"{tmp_path} is not a checkpoint: it has no config.json.\n"


def test_a_result_takes_the_place_of_the_one_before_and_leaves_the_others(tmp_path: Path) -> None:
    def found(words: str, seconds: float, figures: object = None) -> Result:
        return Result(f"python -m benchmarks.{words}", seconds, f"# {words}\n\n## Table\n", figures)

    usual = ["answer", "start"]
    keep("feedback", found("a slow one", 1800), tmp_path, usual)
    keep("start", found("start at first", 60), tmp_path, usual)
    keep("answer", found("answer", 90, {"ms": 1}), tmp_path, usual)
    keep("start", found("start again", 150, {"ms": 2}), tmp_path, usual)

    page = (tmp_path / "RESULTS.md").read_text()
    titles = [line for line in page.splitlines() if line.startswith("#")]
    assert titles == [
        "# Measurements",
        *("## answer", "### Table", "## start again", "### Table", "## a slow one", "### Table"),
    ]
    assert "takes\n4 minutes" in page  # of what is usually measured
    assert "`python -m benchmarks.start again`, 150 s." in page
    figures = json.loads((tmp_path / "results.json").read_text())
    assert {name: each["found"] for name, each in figures.items()} == {
        "feedback": None,
        "start": {"ms": 2},
        "answer": {"ms": 1},
    }


def test_what_fails_is_named_and_what_works_is_written_down(
    checkpoint: BuildCheckpoint, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for picture in pictures(1):
        picture.save(tmp_path / "one.png")
    tiny = ["--classifier", checkpoint("clip"), "--pictures", tmp_path, "--no-caption"]
    passed = ["--", *map(str, tiny), "--count", "1", "--rounds", "1"]

    # The second knows none of these options.
    status = run_all(["speed", "decode", "--results", str(tmp_path / "kept"), *passed])

    assert status == 1
    assert "Failed, and not written down: decode." in capfd.readouterr().err
    page = (tmp_path / "kept" / "RESULTS.md").read_text()
    assert "pictures/s" in page
    assert "decode" not in page
    assert list(json.loads((tmp_path / "kept" / "results.json").read_text())) == ["speed"]


@pytest.mark.long
def test_feedback_is_measured_in_every_store_and_only_the_old_way_loses_any(tmp_path: Path) -> None:
    # On its own, as it starts processes that import it anew.
    command = [sys.executable, "-m", "benchmarks.feedback", "--quick"]
    done = subprocess.run(
        [*command, "--json", tmp_path / "feedback.json"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )

    written = json.loads((tmp_path / "feedback.json").read_text())
    stores = ["CSV", "SQLite", *["PostgreSQL"] * (programs_of_postgresql() is not None)]
    stores.append("MongoDB (SecantusDB in its place)")
    old = [f"pandas, file rewritten: {what}" for what in ("rating and comment", "whole record")]
    measured = [(row["task"], row["rows"], row["way"]) for row in written["rows"]]
    for task, rows, ways in (
        ("append", (0, 50), [*old, *stores]),
        ("extend", (50,), stores),
        ("show", (0, 50), [*old, *stores]),
    ):
        for number in rows:
            assert [way for *which, way in measured if which == [task, number]] == ways
    assert all(min(row["seconds"]) > 0 for row in written["rows"])
    assert [crowd["way"] for crowd in written["crowds"]] == [*old, *stores]
    for crowd in written["crowds"]:
        assert crowd["acknowledged"] > 0
        if crowd["way"] in stores:
            assert (crowd["failed"], crowd["lost"]) == (0, 0)
    for way in (*old, *stores):
        assert done.stdout.count(f"\n| {way} ") == (4 if way in stores else 3)
