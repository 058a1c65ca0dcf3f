import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import imgcap.feedback.csv.place
from imgcap.feedback import FeedbackError
from imgcap.feedback.csv import CsvStore
from tests import disks
from tests.disks import full_disk
from tests.feedback_files import comments, record


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "feedback.csv"


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    with disks.as_nobody() as folder:
        yield folder


def uses(store: CsvStore) -> list[Callable[[], object]]:
    some = record()
    return [
        store.read,
        store.page,
        store.summary,
        store.outline,
        lambda: store.get([some.id]),
        lambda: store.append(some),
        lambda: store.delete([some.id]),
    ]


def test_a_read_only_folder_can_be_read_and_says_why_nothing_is_saved(as_nobody: Path) -> None:
    store = CsvStore(as_nobody / "feedback.csv")
    store.append(record("kept"))
    Path(f"{as_nobody}/feedback.csv.lock").unlink()
    (as_nobody / "feedback.csv").chmod(0o444)
    as_nobody.chmod(0o555)
    with pytest.raises(FeedbackError, match="could not be saved: this program may not open"):
        store.append(record("lost"))
    assert [each.comment for each in CsvStore(as_nobody / "feedback.csv").read()] == ["kept"]
    with pytest.raises(FeedbackError, match="could not be saved"):
        CsvStore(as_nobody / "new" / "feedback.csv").append(record())


@pytest.mark.parametrize("content", [b"", b"Rating,Feedback\n4,good\n"])
def test_a_read_only_file_is_not_replaced(as_nobody: Path, content: bytes) -> None:
    path = as_nobody / "feedback.csv"
    path.write_bytes(content)
    path.chmod(0o444)
    with pytest.raises(FeedbackError, match="this program may not open"):
        CsvStore(path).append(record())
    assert path.read_bytes() == content


def test_a_full_disk_is_one_sentence_and_no_half_row(path: Path) -> None:
    store = CsvStore(path)
    store.append(record("kept"))
    before = path.read_bytes()
    again = record("x" * 100_000, seconds=1)
    with (
        full_disk(len(before) + 50_000),
        pytest.raises(FeedbackError, match="could not be saved: there is no room left"),
    ):
        store.append(again)
    assert path.read_bytes() == before
    store.append(again)
    assert comments(path) == ["kept", again.comment]


def test_a_full_disk_stops_a_conversion_before_anything_is_lost(path: Path) -> None:
    path.write_text("Rating,Feedback\n" + "4,good\n" * 1_000)
    before = path.read_bytes()
    for room in (100, len(before) + 100):  # for the copy, then for the new file
        with full_disk(room), pytest.raises(FeedbackError, match="no room left"):
            CsvStore(path).append(record())
        assert path.read_bytes() == before
        assert not list(path.parent.glob("*.bak"))
    assert CsvStore(path).summary().count == 1_000


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_device_or_folder_is_refused(tmp_path: Path) -> None:
    for place in ("/dev/full", tmp_path):
        for use in uses(CsvStore(place)):
            with pytest.raises(FeedbackError, match="no file that feedback could be kept in"):
                use()
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_stays_locked_is_one_sentence(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imgcap.feedback.csv.place, "LOCK_SECONDS", 0.1)
    holder = (
        "import sys; from filelock import FileLock\n"
        "with FileLock(sys.argv[1]):\n"
        "    print('locked', flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder, f"{path}.lock"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout
        process.stdout.readline()
        with pytest.raises(FeedbackError, match="in use by another program; try again"):
            CsvStore(path).append(record())
        process.communicate("\n")
    CsvStore(path).append(record())
    assert CsvStore(path).summary().count == 1


def test_a_link_stays_a_link(path: Path, tmp_path: Path) -> None:
    target = tmp_path / "elsewhere.csv"
    target.write_text("Rating,Feedback\n4,good\n")
    path.symlink_to(target)
    CsvStore(path).append(record("after"))
    assert path.is_symlink()
    assert sorted(comments(target)) == ["after", "good"]


def test_a_file_in_the_way_of_the_folder_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    for place in (tmp_path / "data" / "feedback.csv", tmp_path / "data" / "deep" / "feedback.csv"):
        for use in uses(CsvStore(place)):
            with pytest.raises(FeedbackError, match="should lie in a folder, but a file is in its"):
                use()
    assert (tmp_path / "data").read_text() == "a file"


def test_links_in_a_circle_are_one_sentence(path: Path) -> None:
    path.symlink_to(path)
    for use in uses(CsvStore(path)):
        with pytest.raises(FeedbackError, match="gives an error"):
            use()


def test_a_folder_that_may_not_be_opened_is_one_sentence(as_nobody: Path) -> None:
    store = CsvStore(as_nobody / "data" / "feedback.csv")
    store.append(record("kept"))
    (as_nobody / "data").chmod(0)
    for use in uses(store):
        with pytest.raises(FeedbackError, match="this program may not open"):
            use()
    (as_nobody / "data").chmod(0o700)
    assert store.summary().count == 1
