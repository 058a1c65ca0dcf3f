"""What the table's filter finds can be taken away as a file."""

import threading
from pathlib import Path
from typing import Any

import pytest

from imgcap.feedback import open_store
from imgcap.feedback.csv import CsvStore
from imgcap.feedback.exchange import read_export
from imgcap.settings import Settings
from imgcap.widgets.records import RecordsPanel, download
from imgcap.widgets.state import AppState
from tests.pages import download as press_download
from tests.pages import wait_until
from tests.records_page import MANY, Open, choose, comments, fill
from tests.wire import Wire


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_the_download_is_what_the_filter_finds(
    many: RecordsPanel, state: AppState, tmp_path: Path, kind: str
) -> None:
    choose(many, many.filters.search, "owl")
    choose(many, many.filters.order, "Oldest first")
    copy = tmp_path / f"copy.{kind}"
    copy.write_bytes(press_download(getattr(many, kind)))
    expected = state.store.page(many.filters.query, limit=MANY).records
    assert len(expected) == 300
    assert tuple(read_export(copy)) == expected


def test_the_download_is_exactly_what_was_typed(
    open_panel: Open, page_settings: Settings, tmp_path: Path
) -> None:
    fill(page_settings, '=1+1 "quoted"', "<script>\n🦉", "half \ud83d an emoji")
    copy = tmp_path / "copy.csv"
    copy.write_bytes(press_download(open_panel().csv))
    assert CsvStore(copy).read() == open_store(page_settings).read()


@pytest.mark.parametrize(
    ("bound", "sentence"),
    [
        ({"MOST_RECORDS": 2}, "hands over 2 records at most, and these are 3"),
        ({"MOST_BYTES": 2**20}, "hands over 1 MiB at most, and this is more"),
    ],
    ids=["records", "bytes"],
)
def test_a_download_that_is_too_large_says_what_to_do(
    open_panel: Open,
    page_settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    bound: dict[str, int],
    sentence: str,
) -> None:
    fill(page_settings, *("x" * 400_000 for _ in range(3)))
    panel = open_panel()
    for name, value in bound.items():
        monkeypatch.setattr(download, name, value)
    wire = Wire(panel.csv)
    wire.hears({"type": "make", "id": "1"})
    wait_until(lambda: wire.said)
    assert wire.said[-1]["type"] == "failed"
    assert sentence in wire.said[-1]["sentence"]
    assert "imgcap feedback export" in wire.said[-1]["sentence"]


def test_a_download_leaves_the_page_free(
    open_panel: Open, page_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(page_settings, "first", "second")
    panel = open_panel()
    go, iterate = threading.Event(), CsvStore.iterate

    def slow(store: CsvStore, query: Any = None) -> Any:
        go.wait()
        yield from iterate(store, query)

    monkeypatch.setattr(CsvStore, "iterate", slow)
    wire = Wire(panel.csv)
    wire.hears({"type": "make", "id": "1"})
    choose(panel, panel.filters.search, "first")
    assert comments(panel) == ["first"]
    assert not wire.said
    go.set()
    wait_until(lambda: wire.said)
    assert wire.said[-1]["type"] == "ready"
