"""What the tests of feedback in SQL databases share."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from imgcap.feedback.sql import SqlStore


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "feedback.db"


@pytest.fixture
def open_store() -> Iterator[Callable[[object], SqlStore]]:
    """Give a way to open stores that are closed when the test ends."""
    stores: list[SqlStore] = []

    def open_one(place: object) -> SqlStore:
        store = SqlStore(place if isinstance(place, str) else f"sqlite:///{place}")
        stores.append(store)
        return store

    yield open_one
    for store in stores:
        store.close()


Open = Callable[[object], SqlStore]


def run(path: Path, *statements: str) -> list[tuple[object, ...]]:
    """Do what a person does with another program."""
    handle = sqlite3.connect(path)
    try:
        rows = [row for statement in statements for row in handle.execute(statement)]
        handle.commit()
        return rows
    finally:
        handle.close()


def comments(store: SqlStore) -> list[str]:
    return [each.comment for each in store.read()]
