"""`imgcap feedback` add, list and stats, on real stores."""

import json
import signal
import subprocess
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgcap.cli import app
from imgcap.feedback import FeedbackRecord, open_store_at
from imgcap.feedback.statistics import statistics_of
from imgcap.inference.results import Prediction
from tests.feedback_cli import IMGCAP, NOON, Run, keep, some, stored
from tests.feedback_servers import PASSWORD


def shown(result: Result) -> list[str]:
    """Return the comments of `list --json`."""
    assert result.exit_code == 0, result.stderr
    return [json.loads(line)["comment"] for line in result.stdout.splitlines()]


def test_one_record_is_added_and_named(run: Run, url: str) -> None:
    result = run(
        "add", "--rating", 4, "--comment", "not bad", "--label", "cat", "--caption", "my cat"
    )
    [record] = stored(url)
    assert (result.exit_code, result.stdout, result.stderr) == (0, f"{record.id}\n", "")
    assert (record.rating, record.comment) == (4, "not bad")
    assert (record.corrected_label, record.corrected_caption) == ("cat", "my cat")


def test_json_lines_are_added_with_whatever_they_say(run: Run, url: str) -> None:
    rows = [
        {"rating": 1, "comment": "\0 \x1b[2J \ud800 \\u{0} =1+1\r\n😀"},
        {"rating": 2, "time": "2026-05-01T14:00:00+02:00", "session": "s"},
        {"rating": 3, "predictions": [{"label": "cat", "score": 0.5}], "labels": ["cat", "dog"]},
    ]
    data = "\n\n".join(map(json.dumps, rows))
    result = run("add", "--json", "-", data=data)
    assert result.exit_code == 0, result.stderr
    by_id = {str(record.id): record for record in stored(url)}
    first, second, third = (by_id[line] for line in result.stdout.splitlines())
    assert first.comment == rows[0]["comment"]
    assert (second.time, second.session) == (NOON, "s")
    assert (third.label, third.labels) == ("cat", ("cat", "dog"))


def test_a_record_laid_out_for_people_is_one_record(run: Run, url: str, tmp_path: Path) -> None:
    file = tmp_path / "record.json"
    file.write_text(json.dumps({"rating": 5, "comment": "fine"}, indent=2))
    assert run("add", "--json", file).exit_code == 0
    assert [record.comment for record in stored(url)] == ["fine"]


def test_the_same_id_is_stored_once(run: Run, url: str) -> None:
    [record] = some(1)
    line = json.dumps({"id": str(record.id), "rating": 1})
    for _ in range(2):
        assert run("add", "--json", "-", data=line).stdout == f"{record.id}\n"
    assert len(stored(url)) == 1


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ('{"rating": 9}', "the rating must be a whole number from 1 to 5"),
        ('{"rating": 3, "stars": 3}', "a feedback record has no field “stars”"),
        ('{"rating": 3, "self": 3}', "a feedback record has no field “self”"),
        ("[3]", "it is no record of feedback"),
        ("{rating: 3}", "it is not JSON"),
        ("[" * 100_000, "it is not JSON"),
    ],
)
def test_a_bad_line_is_named_and_what_came_before_is_stored(
    run: Run, url: str, line: str, sentence: str
) -> None:
    result = run("add", "--json", "-", data=f'{{"rating": 1}}\n{{"rating": 2}}\n{line}\n')
    assert result.exit_code == 1
    assert result.stderr == (
        f"imgcap: Line 3 of “standard input” cannot be imported: {sentence}; "
        "stored before that: 2 records.\n"
    )
    assert sorted(record.rating for record in stored(url)) == [1, 2]
    assert len(result.stdout.splitlines()) == 2


def test_a_record_is_safe_and_named_before_the_next_is_read(run: Run, url: str) -> None:  # noqa: ARG001  # its settings
    with subprocess.Popen(
        [IMGCAP, "feedback", "add", "--json", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write('{"rating": 3}\n')
        process.stdin.flush()
        told = process.stdout.readline().strip()
        assert [str(record.id) for record in stored(url)] == [told]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "imgcap: Stopped; stored before that: 1 record.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["add"], "Say --rating N, from 1 to 5, or --json FILE."),
        (["add", "--comment", "x"], "Say --rating N, from 1 to 5, or --json FILE."),
        (["add", "--json", "-", "--rating", "3"], "--json contradicts the other options"),
        (["delete"], "Say what to delete by one of --id, --session, --before and --"),
        (["delete", "--session", "s", "--before", "2026-05-01"], "Say what to delete by one"),
        (["delete", "--session", "s"], "There is no terminal to ask on; --yes deletes without"),
    ],
)
def test_what_makes_no_sense_is_one_sentence_and_status_two(
    run: Run, arguments: list[str], sentence: str
) -> None:
    result = run(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"imgcap: {sentence}")
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "--rating", "6"],
        ["list", "--since", "yesterday"],
        ["list", "--before", "0001-01-01T00:00+23:59"],
        ["list", "--limit", "0"],
        ["list", "--sort", "size"],
        ["delete", "--id", "first"],
        ["export", "--format", "xls"],
    ],
)
def test_usage_errors_end_with_status_two(run: Run, arguments: list[str]) -> None:
    assert run(*arguments).exit_code == 2


def test_the_list_is_newest_first_and_says_that_there_is_more(run: Run, url: str) -> None:
    assert run("list").stdout == "There is no feedback yet.\n"
    keep(url, some(30))
    lines = run("list", "--limit", 3).stdout.splitlines()
    assert [line.split()[-1] for line in lines[1:4]] == ["29", "28", "27"]
    assert lines[1].startswith("2026-05-02 17:00")
    assert lines[-1] == "3 of 30 records; --limit N shows more."
    assert len(shown(run("list", "--json"))) == 20
    assert "shows more" not in run("list", "--limit", 30).stdout


def test_filters_find_what_they_say(run: Run, url: str) -> None:
    other = FeedbackRecord(rating=5, comment="Über alles", session="s", time=NOON)
    keep(url, [*some(10), other])
    assert shown(run("list", "--json", "--search", "ALLES über")) == ["Über alles"]
    assert shown(run("list", "--json", "--session", "s")) == ["Über alles"]
    assert shown(run("list", "--json", "--rating", 1, "--rating", 2, "--sort", "rating")) == [
        "number 6",
        "number 1",
        "number 5",
        "number 0",
    ]
    since = ["--since", "2026-05-01T22:00+02:00", "--before", "2026-05-01T21:00:00"]
    assert shown(run("list", "--json", *since)) == ["number 8"]
    assert shown(run("list", "--json", "--before", "2026-05-01")) == []
    assert run("list", "--search", "nowhere").stdout == "No feedback matches.\n"


def test_the_list_fits_the_terminal_and_cannot_steer_it(run: Run, url: str) -> None:
    record = FeedbackRecord(
        rating=2,
        comment="\x1b[2J[red]one[/red]\ntwo\u202e " + "long " * 1000,
        predictions=(Prediction("cat", 0.75),),
        corrected_label="dog",
        caption="a cat",
        corrected_caption="a cat",
        time=NOON,
    )
    keep(url, [record])
    for width in (50, 80, 160):
        text = run("list", width=width).stdout
        assert "\x1b" not in text
        assert "\u202e" not in text
        [_, row] = text.splitlines()
        assert len(row) <= width
        assert (str(record.id) in text) == (width == 160)
    for part in ("2026-05-01 12:00", "cat → dog", "a cat ✓", "[2J[red]one[/red] two"):
        assert part in row
    assert shown(run("list", "--json")) == [record.comment]


def test_statistics_are_those_of_the_store(run: Run, url: str) -> None:
    assert run("stats").stdout == "There is no feedback yet.\n"
    said = {"predictions": (Prediction("cat", 0.75),), "classifier": "clip", "captioner": "blip"}
    keep(
        url,
        [
            FeedbackRecord(rating=5, corrected_label="cat", **said),
            FeedbackRecord(rating=5, corrected_label="Cat ", **said),
            FeedbackRecord(rating=4, corrected_label="cat", **said),
            FeedbackRecord(rating=1, corrected_label="dog", **said),
        ],
    )
    text = run("stats").stdout
    assert "4 ratings, 3.75 on average" in text
    assert "  5  2  #" in text
    assert "Right labels:   3 of 4 judged, 75 % (30 to 95 %)" in text
    assert "Right captions: none was judged" in text
    assert "The confidence in labels is off by 0 points on average." in text
    for name in ("cat", "clip", "blip"):
        [row] = [line for line in text.splitlines() if line.startswith(name)]
        assert row.split()[1:3] == ["4", "3.75"]
    store = open_store_at(url)
    expected = json.loads(json.dumps(statistics_of(store.outline()).as_dict()))
    store.close()
    assert json.loads(run("stats", "--json").stdout) == expected


def test_rows_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    url = f"csv:{tmp_path / 'feedback.csv'}"
    keep(url, some(3))
    file = tmp_path / "feedback.csv"
    file.write_bytes(file.read_bytes().replace(b'"2","number 1"', b'"many","number 1"'))
    for command, status in (("list", 0), ("stats", 0), ("export", 1)):
        result = CliRunner().invoke(app, ["feedback", command, "--store", url])
        assert result.exit_code == status
        assert result.stderr.startswith("imgcap: ")
        assert "rating must be a whole number" in result.stderr
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "where",
    [
        f"postgresql://imgcap:{PASSWORD}@127.0.0.1:1/imgcap",
        f"mongodb://imgcap:{PASSWORD}@127.0.0.1:1/x?serverSelectionTimeoutMS=300",
        f"oracle://imgcap:{PASSWORD}@127.0.0.1/imgcap",
        f"postgresql://imgcap:{PASSWORD}@127.0.0.1:many/imgcap",
    ],
)
@pytest.mark.parametrize("arguments", [["list"], ["add", "--rating", "3"], ["stats"], ["export"]])
def test_a_store_that_is_not_there_is_one_sentence_without_password(
    where: str, arguments: list[str]
) -> None:
    result = CliRunner().invoke(app, ["feedback", *arguments, "--store", where])
    assert result.exit_code == 1
    assert result.stderr.startswith("imgcap: ")
    assert result.stderr.count("\n") == 1
    assert PASSWORD not in result.stderr


def test_statistics_name_revisions_and_what_is_not_compared(run: Run, url: str) -> None:
    cat = {"predictions": (Prediction("cat", 0.75),), "corrected_label": "cat", "rating": 4}
    keep(
        url,
        [
            FeedbackRecord(**cat, classifier="clip", classifier_revision="0123456789"),
            FeedbackRecord(**cat, classifier="clip", classifier_revision="abcdefghij"),
            FeedbackRecord(**cat, independent=True),
        ],
    )
    result = run("stats", width=120)
    assert result.exit_code == 0
    assert "clip@0123456 " in result.stdout
    assert "clip@abcdefg " in result.stdout
    assert "is off by 25 points on average.\n" in result.stdout
    assert "The confidence in 1 judged label is not compared: each was scored by" in result.stdout
