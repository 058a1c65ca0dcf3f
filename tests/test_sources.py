import os
import threading
from pathlib import Path

import pytest

from imgcap import sources
from imgcap.images import Picture, PictureError
from imgcap.settings import Settings
from imgcap.sources import Source, find_sources, open_ahead
from tests.picture_files import encode, every_kind, quarters

JPEG = every_kind()["JPEG"]


def found(*paths: Path | str) -> list[str]:
    return [source.file for source in find_sources(map(str, paths), Settings())]


def opened(*paths: Path | str) -> list[Picture | PictureError]:
    settings = Settings()
    return [result for _, result in open_ahead(find_sources(map(str, paths), settings), settings)]


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A folder as people have them."""
    files = {
        "b.jpg": JPEG,
        "a.PNG": JPEG,
        "notes.txt": b"not a picture",
        "no suffix": JPEG,
        "broken.jpeg": b"not a picture",
        ".hidden.jpg": JPEG,
        ".trash/old.jpg": JPEG,
        "day 2/c.webp": JPEG,
        "day 1/deep/d.gif": JPEG,
        "day 1/Thumbs.db": bytes(100),
    }
    for name, data in files.items():
        path = tmp_path / "album" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "album"


def test_a_folder_is_walked_in_order_without_hidden_and_other_files(album: Path) -> None:
    assert found(album) == [
        str(album / name)
        for name in (
            "a.PNG",
            "b.jpg",
            "broken.jpeg",
            "no suffix",
            "day 1/deep/d.gif",
            "day 2/c.webp",
        )
    ]


def test_links_to_folders_and_pipes_in_folders_do_not_catch_the_walk(album: Path) -> None:
    (album / "day 1" / "again").symlink_to(album, target_is_directory=True)
    (album / "gone.jpg").symlink_to(album / "nowhere.jpg")
    os.mkfifo(album / "pipe.jpg")
    assert len(found(album)) == 6


def test_a_named_file_is_tried_whatever_it_is(album: Path) -> None:
    paths = [album / "notes.txt", album / ".hidden.jpg", album / "nothing", album / "b.jpg" / "x"]
    refused, hidden, missing, impossible = opened(*paths)
    assert isinstance(hidden, Picture)
    assert "is not a JPEG" in str(refused)
    assert str(missing) == f"There is no file “{album}/nothing”."
    assert str(impossible) == f"“{album}/b.jpg/x” could not be read: Not a directory."


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("x")
    [error] = opened(tmp_path)
    assert str(error) == f"There is no picture in the folder “{tmp_path}”."


def test_a_folder_that_cannot_be_listed_is_said(
    album: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Done by hand, since no permission stops the superuser.
    scandir = os.scandir

    def refuse(path: str) -> object:
        if str(path).endswith("day 1"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    *_, last = opened(album)
    assert str(last) == f"“{album}/day 1” could not be read: Permission denied."
    assert len(opened(album)) == 6


def test_a_pipe_named_by_the_shell_is_read_once(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=[JPEG])
    writer.start()
    [picture] = opened(pipe)
    writer.join()
    assert isinstance(picture, Picture)


def test_a_file_over_the_limit_is_not_even_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (tmp_path / "huge.jpg").open("wb") as file:
        file.truncate(5 * 2**40)
    [error] = opened(tmp_path / "huge.jpg")
    assert "is too large: 5,242,880.0 MB" in str(error)
    monkeypatch.setenv("IMGCAP_MAX_UPLOAD_MB", "1")
    (tmp_path / "big.jpg").write_bytes(JPEG + bytes(2**20))
    [error] = opened(tmp_path / "big.jpg")
    assert "at most 1 MB" in str(error)


def test_pictures_come_in_order_each_with_its_source(tmp_path: Path) -> None:
    for number in range(40):
        # The first ones take longest.
        size = 1500 - 36 * number
        (tmp_path / f"{number:02}.jpg").write_bytes(encode(quarters(size, size), "JPEG"))
    settings = Settings()
    pairs = list(open_ahead(find_sources([str(tmp_path)], settings), settings))
    assert [Path(source.file).stem for source, _ in pairs] == [f"{n:02}" for n in range(40)]
    assert [result.width for _, result in pairs] == [1500 - 36 * n for n in range(40)]  # type: ignore[union-attr]


def test_sources_are_taken_only_a_little_ahead(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    taken = 0

    def endless() -> object:
        nonlocal taken
        while True:
            taken += 1
            yield Source(str(tmp_path / "a.jpg"))

    reader = open_ahead(endless(), Settings())  # type: ignore[arg-type]
    for _ in range(10):
        next(reader)
    assert taken < 40
    reader.close()  # type: ignore[attr-defined]


def _join_workers() -> list[threading.Thread]:
    """Wait for what a closed reader's threads still have in hand."""
    workers = [t for t in threading.enumerate() if t.name.startswith("open-picture")]
    for worker in workers:
        worker.join(timeout=5)
    return workers


@pytest.mark.parametrize("limit", [1, 48 * 32 * 3])
def test_few_decoded_pictures_wait_and_nothing_locks_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: int
) -> None:
    _join_workers()  # those of the test before would be counted
    monkeypatch.setattr(sources, "MAX_WAITING_PIXELS", limit)
    waiting = most = 0
    lock = threading.Lock()
    real = sources.open_picture

    def counted(*args: object, **options: object) -> Picture:
        nonlocal waiting, most
        picture = real(*args, **options)  # type: ignore[arg-type]
        with lock:
            waiting += 1
            most = max(most, waiting)
        return picture

    monkeypatch.setattr(sources, "open_picture", counted)
    (tmp_path / "a.jpg").write_bytes(JPEG)
    settings = Settings()
    for _ in open_ahead([Source(str(tmp_path / "a.jpg"))] * 200, settings):
        with lock:
            waiting -= 1
    assert waiting == 0
    # Those that fit, those that the threads had in hand, and the one the reader asked for.
    assert most <= 3 + 2 + 1


def test_stopping_early_leaves_no_thread_at_work(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(JPEG)
    reader = open_ahead([Source(str(tmp_path / "a.jpg"))] * 50, Settings())
    next(reader)
    reader.close()  # type: ignore[attr-defined]
    assert not any(worker.is_alive() for worker in _join_workers())
