import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from imgcap.batches import Outcome
from imgcap.inference import Caption, Captions, Classification, Description, Prediction
from imgcap.results_file import (
    COLUMNS,
    FORMATS,
    ResultRow,
    ResultsError,
    ResultsRun,
    format_of,
    question_digest,
)
from imgcap.sources import Source

DESCRIPTION = Description(
    "cat.jpg",
    "0" * 64,
    400,
    300,
    Classification(
        (Prediction("=a cat", 0.75), Prediction("a dog", 0.25)), independent=False, model="c", ms=1
    ),
    Captions((Caption('=HYPERLINK("http://x")', -0.5),), "m", 2),
)
ROWS = [
    ResultRow.of("a;\n=b\udcff\x00.jpg", DESCRIPTION, question="q"),
    ResultRow.of("🐈.jpg", replace(DESCRIPTION, classification=None), question="q"),
    ResultRow("broken.jpg", "1" * 64, question="q", error="“broken.jpg” is damaged."),
]


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_written_is_read_again(name: str) -> None:
    file = io.BytesIO()
    FORMATS[name].write(ROWS, file)
    file.seek(0)
    assert list(FORMATS[name].read(file)) == ROWS


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_no_results_file_is_a_value_error(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # of several libraries
        list(FORMATS[name].read(io.BytesIO(b"a,b\n1,2\n")))


def test_a_spreadsheet_runs_nothing() -> None:
    file = io.BytesIO()
    FORMATS["csv"].write(ROWS, file)
    text = file.getvalue().decode("utf-8-sig")
    cells = [cell for line in csv.reader(io.StringIO(text)) for cell in line]
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]
    assert '\'=HYPERLINK("http://x")' in cells


def test_other_programs_read_the_same_table() -> None:
    import pandas as pd

    read = {"csv": pd.read_csv, "jsonl": lambda f: pd.read_json(f, lines=True)}
    for name, reader in {**read, "parquet": pd.read_parquet}.items():
        file = io.BytesIO()
        FORMATS[name].write(ROWS[1:], file)
        file.seek(0)
        frame = reader(file)
        assert tuple(frame.columns) == COLUMNS
        assert frame["file"].tolist() == ["🐈.jpg", "broken.jpg"]
        assert frame["width"][0] == 400


def test_the_name_decides_the_format(monkeypatch: pytest.MonkeyPatch) -> None:
    assert format_of(Path("x.CSV")) is FORMATS["csv"]
    with pytest.raises(ResultsError, match=r"must end in one of \.csv, \.jsonl, \.parquet\."):
        format_of(Path("x.xlsx"))
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.delitem(sys.modules, "pyarrow", raising=False)
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(ResultsError, match=r"pip install 'imgcap\[parquet\]'"):
        format_of(Path("x.parquet"))


@pytest.fixture
def sources(tmp_path: Path) -> list[Source]:
    paths = [tmp_path / f"{name}.jpg" for name in "abcd"]
    for path in paths:
        path.write_bytes(path.name.encode())
    return [Source(str(path)) for path in paths]


def outcome(source: Source) -> Outcome:
    import hashlib

    digest = hashlib.sha256(Path(source.file).read_bytes()).hexdigest()
    return Outcome(source.file, replace(DESCRIPTION, sha256=digest))


def described(out: Path, sources: list[Source], question: str = "q") -> list[str]:
    """Describe what is to do in batches of two, and return the names of that."""
    with ResultsRun.opened(out, sources, question, top=1) as run:
        for start in range(0, len(run.todo), 2):
            run.add(map(outcome, run.todo[start : start + 2]))
        run.finish()
        return [Path(source.file).name for source in run.todo]


def test_a_torn_journal_loses_its_last_batch_only(tmp_path: Path, sources: list[Source]) -> None:
    out = tmp_path / "r.jsonl"
    with ResultsRun.opened(out, sources, "q", top=1) as run:
        run.add([outcome(sources[0])])
        run.add(map(outcome, sources[1:3]))
    journal = run.journal.path
    assert not out.exists()
    whole = journal.read_bytes()
    first = whole.index(b"\n") + 1
    for end in (len(whole) - 1, first + 40, first):
        journal.write_bytes(whole[:end])
        with ResultsRun.opened(out, sources, "q", top=1) as run:
            assert [source.file for source in run.todo] == [each.file for each in sources[1:]]
            assert run.batches_before == 1
        assert journal.read_bytes() == whole[:first]
    assert described(out, sources) == ["b.jpg", "c.jpg", "d.jpg"]
    assert [Path(json.loads(line)["file"]).name for line in out.open()] == [
        "a.jpg",
        "b.jpg",
        "c.jpg",
        "d.jpg",
    ]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("a.jpg", "b.jpg", "c.jpg", "d.jpg", "r.jsonl")
    ]


@pytest.mark.parametrize("name", FORMATS)
def test_of_a_finished_file_only_what_is_new_or_changed_is_done(
    tmp_path: Path, sources: list[Source], name: str
) -> None:
    out = tmp_path / f"r.{name}"
    assert described(out, sources[:3]) == ["a.jpg", "b.jpg", "c.jpg"]
    assert described(out, sources[:3]) == []
    Path(sources[1].file).write_bytes(b"another picture")
    assert described(out, sources) == ["b.jpg", "d.jpg"]


def test_nothing_of_others_is_overwritten(tmp_path: Path, sources: list[Source]) -> None:
    out = tmp_path / "r.csv"
    described(out, sources[:2])
    before = out.read_bytes()
    for asked, question in ((sources[2:], "q"), (sources[:1], "q"), (sources, "other labels")):
        with pytest.raises(ResultsError, match=r"give --overwrite to begin anew\.$"):
            described(out, asked, question)
    assert out.read_bytes() == before
    out.write_text("my own notes")
    with pytest.raises(ResultsError, match="holds something else than results"):
        described(out, sources)
    assert out.read_text() == "my own notes"
    with ResultsRun.opened(out, sources[:1], "q", top=1, overwrite=True) as run:
        run.add([outcome(sources[0])])
        run.finish()
    assert len(out.read_text("utf-8-sig").splitlines()) == 2


def test_one_run_at_a_time(tmp_path: Path, sources: list[Source]) -> None:
    out = tmp_path / "r.csv"
    with (
        ResultsRun.opened(out, sources, "q", top=1),
        pytest.raises(ResultsError, match="Another program is writing"),
    ):
        described(out, sources)


def test_a_digest_tells_questions_apart() -> None:
    assert question_digest(["a", 1]) == question_digest(["a", 1])
    assert question_digest(["a", 1]) != question_digest(["a", 2])
