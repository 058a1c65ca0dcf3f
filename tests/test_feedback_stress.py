"""Many processes write feedback at once and die at random: nothing acknowledged may be lost."""

import csv
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from imgcap.feedback import open_store_at
from tests import feedback_writer
from tests.feedback_writer import AT_ONCE, noted, record_number

WRITERS, SECONDS = 8, 12
STORES = [
    "csv:{folder}/feedback.csv",
    "sqlite:///{folder}/feedback.db",
]


@pytest.mark.parametrize("address", STORES)
def test_killed_writers_lose_and_double_nothing(address: str, tmp_path: Path) -> None:
    place = address.format(folder=tmp_path)
    store = open_store_at(place)
    store.append(record_number(0, WRITERS))
    command = [sys.executable, "-m", feedback_writer.__name__, place, tmp_path, WRITERS, SECONDS]
    with subprocess.Popen([*map(str, command)], stdout=subprocess.PIPE, text=True) as writing:
        while writing.poll() is None:  # a reader sees whole records at every moment
            before = store.summary()
            assert before.unreadable == ()
            page = store.page(limit=20)
            assert page.total >= before.count
            assert len(page.records) == min(20, page.total)
        killed = int(writing.communicate()[0])
    assert writing.returncode == 0
    assert killed > WRITERS

    store.append(record_number(1, WRITERS))  # what the last ones left torn is set aside
    stored = store.read()
    assert store.summary().unreadable == ()
    numbers = Counter(each.session for each in stored)
    assert len({each.id for each in stored}) == len(stored) == store.summary().count
    for writer in range(WRITERS):
        acknowledged, there = noted(tmp_path, writer), numbers[str(writer)]
        assert acknowledged > 0
        assert acknowledged <= there <= acknowledged + AT_ONCE
    expected = (record_number(n, int(writer)) for writer in numbers for n in range(numbers[writer]))
    assert sorted(stored, key=lambda each: each.id) == sorted(expected, key=lambda each: each.id)
    if place.startswith("csv:"):
        check_table(Path(place.removeprefix("csv:")), len(stored))


def check_table(path: Path, rows: int) -> None:
    """Assert that programs which know nothing of us read the file."""
    table = pd.read_csv(path)
    assert len(table) == table.id.nunique() == rows
    with path.open(encoding="utf-8-sig", newline="") as file:
        read = list(csv.DictReader(file, strict=True))
    assert [row["id"] for row in read] == list(table.id)
    assert {len(row) for row in read} == {len(table.columns)}
