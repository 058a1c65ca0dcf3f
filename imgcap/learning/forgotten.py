"""Adapters that know more than the feedback that is left: part of what taught them is gone."""

from collections.abc import Collection, Iterable
from pathlib import Path
from uuid import UUID

from imgcap.feedback import Store
from imgcap.inference.adapter import AdapterCard, AdapterError
from imgcap.inference.adopted import Adopted, read_adopted
from imgcap.learning.registry import trained_on


def deleted_records(cards: Iterable[AdapterCard], store: Store) -> dict[str, int]:
    """Return how many of the records that each adapter learned from are gone, by its id.

    Raises
    ------
    FeedbackError
        If feedback cannot be read.
    """
    learned = {card.id: set(card.records) for card in cards}
    there = {record.id for record in store.get(set().union(*learned.values()))}
    return {name: len(ids - there) for name, ids in learned.items()}


def reminder(folder: Path, ids: Collection[UUID]) -> str:
    """Say in a sentence which adapters know what these records taught; empty if none does."""
    cards = trained_on(folder, ids)
    if not cards:
        return ""
    try:
        adopted = read_adopted(folder)
    except AdapterError:  # then the checkpoints answer alone
        adopted = Adopted()
    names = [
        f"{card.id}{' (which answers now)' if adopted.by(card.checkpoint) == card.id else ''}"
        for card in cards
    ]
    which, them = ("the adapter", "it") if len(names) == 1 else ("the adapters", "them")
    return (
        f"What was learned from this feedback stays in {which} {', '.join(names)}, until "
        f"“imgcap learn delete” removes {them}."
    )
