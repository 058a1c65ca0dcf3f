from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from imgcap.cli import app
from imgcap.feedback import FeedbackRecord, Store, open_store
from imgcap.inference.adapter import AdapterCard
from imgcap.inference.adopted import ADOPTED
from imgcap.learning.forgotten import deleted_records, reminder
from imgcap.learning.registry import adopt
from imgcap.settings import Settings
from tests.kept_probes import kept_probe


@pytest.fixture
def store(settings: Settings) -> Store:
    return open_store(settings)


def given(store: Store, number: int) -> list[UUID]:
    records = [FeedbackRecord(rating=3) for _ in range(number)]
    store.extend(records)
    return [record.id for record in records]


def learned(folder: Path, ids: Sequence[UUID]) -> AdapterCard:
    """Keep an adapter that learned from these records."""
    return kept_probe(folder, "model", records=tuple(ids))


def test_adapters_whose_feedback_is_partly_gone_are_found(settings: Settings, store: Store) -> None:
    ids = given(store, 5)
    first, second = learned(settings.adapters, ids[:3]), learned(settings.adapters, ids[2:])
    assert deleted_records([first, second], store) == {first.id: 0, second.id: 0}
    store.delete(ids[:2])
    assert deleted_records([first, second], store) == {first.id: 2, second.id: 0}
    store.delete(ids[4:])
    assert deleted_records([first, second], store) == {first.id: 2, second.id: 1}


def test_who_deletes_feedback_is_told_what_still_knows_it(settings: Settings, store: Store) -> None:
    ids = given(store, 4)
    one, other = learned(settings.adapters, ids[:2]), learned(settings.adapters, ids[1:3])
    adopt(settings.adapters, one.id)

    def delete(number: int, *options: str) -> str:
        words = ["feedback", "delete", "--id", str(ids[number]), *options]
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 0, result.output
        return " ".join(result.output.split())

    alone = (
        f"What was learned from this feedback stays in the adapter {one.id} (which answers now), "
        "until “imgcap learn delete” removes it."
    )
    assert alone in delete(0, "--dry-run"), "before it is decided"
    assert alone in delete(0, "--yes")
    both = delete(1, "--yes")
    assert f"in the adapters {other.id}, {one.id} (which answers now), until" in both
    assert "removes them." in both
    assert "learned" not in delete(3, "--yes"), "no adapter learned from this"


def test_damage_to_the_list_of_adopted_adapters_does_not_keep_feedback(
    settings: Settings, store: Store
) -> None:
    ids = given(store, 1)
    card = learned(settings.adapters, ids)
    (settings.adapters / ADOPTED).write_text("damaged")
    assert f"the adapter {card.id}, until" in reminder(settings.adapters, ids)
