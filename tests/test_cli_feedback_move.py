"""`imgcap feedback` import and copy: all arrives, once, or what does not is named."""

import re
from pathlib import Path

import pytest

from imgcap.feedback.exchange import FORMATS
from imgcap.feedback.exchange.plain import to_json
from imgcap.feedback.pictures import PictureFolder
from tests.feedback_cli import keep, stored
from tests.feedback_moves import run, some
from tests.feedback_servers import PASSWORD
from tests.picture_files import every_kind

pytestmark = pytest.mark.usefixtures("pictures")


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_exported_is_imported_again_once(
    name: str, source: str, tmp_path: Path, pictures: PictureFolder
) -> None:
    records = some(5, picture_file=pictures.keep(next(iter(every_kind().values()))))
    keep(source, records)
    place = tmp_path / "export"
    result = run("export", place, "--format", name)
    assert (result.exit_code, result.stdout, result.stderr) == (0, "5 records exported.\n", "")
    other = f"csv:{tmp_path / 'other.csv'}"
    for new in (5, 0):
        result = run("import", place, "--store", other)
        assert (result.exit_code, result.stderr) == (0, "")
        assert result.stdout == f"5 records read, {new} of them new.\n"
    assert stored(other) == stored(source)


def test_a_folder_brings_its_pictures_along(
    source: str, tmp_path: Path, pictures: PictureFolder
) -> None:
    [record] = some(1, picture_file=pictures.keep(next(iter(every_kind().values()))))
    keep(source, [record])
    assert run("export", tmp_path / "folder", "--format", "imagefolder").exit_code == 0
    pictures.delete(record.picture_file)
    assert run("import", tmp_path / "folder").exit_code == 0
    assert record.picture_file in pictures


def test_a_bad_line_of_an_import_is_named_and_what_came_before_is_stored(
    source: str, tmp_path: Path
) -> None:
    first, second = some(2)
    keep(source, [first])
    file = tmp_path / "broken.jsonl"
    file.write_text(f"{to_json(first)}\n{to_json(second)}\n{{}}\n")
    result = run("import", file)
    assert result.exit_code == 1
    assert result.stderr == (
        f"imgcap: Line 3 of “{file}” cannot be imported: it has no id or no time; "
        "before that 2 records read, 1 of them new.\n"
    )
    assert len(stored(source)) == 2
    result = run("import", tmp_path / "nowhere.csv")
    assert result.exit_code == 1
    assert result.stderr.endswith("; before that nothing was stored.\n")


def test_the_ratings_of_the_original_app_are_imported(source: str, tmp_path: Path) -> None:
    file = tmp_path / "feedback.csv"
    file.write_text('Rating,Feedback\n4,"good, mostly"\n2,bad\n')
    for new in (2, 0):
        assert run("import", file).stdout == f"2 records read, {new} of them new.\n"
    assert {(each.rating, each.comment) for each in stored(source)} == {
        (4, "good, mostly"),
        (2, "bad"),
    }


def test_a_copy_is_counted_compared_and_repeatable(source: str, tmp_path: Path) -> None:
    keep(source, some(7))
    target = f"csv:{tmp_path / 'copy.csv'}"
    sums = set()
    for new in (7, 0):
        result = run("copy", source, target)
        assert (result.exit_code, result.stderr) == (0, "")
        found = re.fullmatch(
            rf"7 records copied and compared, {new} of them new\.\nchecksum ([0-9a-f]{{64}})\n",
            result.stdout,
        )
        assert found
        sums.add(found[1])
    assert len(sums) == 1
    assert stored(target) == stored(source)


def test_a_copy_that_would_differ_or_go_nowhere_is_refused(source: str, tmp_path: Path) -> None:
    [record] = some(1)
    keep(source, [record])
    target = f"csv:{tmp_path / 'copy.csv'}"
    keep(target, [record.model_copy(update={"comment": "other"})])
    result = run("copy", source, target)
    assert result.exit_code == 1
    assert result.stderr.startswith("imgcap: 1 of the records are not the same in the target")
    result = run("copy", source, source)
    assert (result.exit_code, result.stderr) == (2, "imgcap: FROM and TO are the same store.\n")
    result = run("copy", source, f"postgresql://imgcap:{PASSWORD}@127.0.0.1:1/imgcap")
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
