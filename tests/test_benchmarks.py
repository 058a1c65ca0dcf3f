import json
import sys
from pathlib import Path

import pytest

from benchmarks.__main__ import main
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint


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
    command = ["benchmarks", *(str(part) for pair in arguments.items() for part in pair)]
    monkeypatch.setattr(sys, "argv", command)

    assert main() == 0

    printed = capsys.readouterr().out
    written = json.loads((tmp_path / "out" / "results.json").read_text())
    assert written["machine"]["rounds"] == 2
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
    command = ["benchmarks", "--classifier", str(tmp_path), "--pictures", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*command, "--labels", str(tmp_path / "labels.txt")])
    assert main() == 1
    assert capsys.readouterr().err == f"{tmp_path} is not a checkpoint: it has no config.json.\n"
