"""What a page knows of learning: what waits, which adapters there are, which answers changed."""

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import UUID

from pydantic import BaseModel, TypeAdapter, ValidationError

from imgcap.edits import EditError
from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.images import PictureError
from imgcap.inference.adapter import AdapterCard
from imgcap.inference.adopted import Adopted, read_adopted
from imgcap.learning.following import Follower
from imgcap.learning.forgotten import deleted_records
from imgcap.learning.kept import edited, kept_image
from imgcap.learning.registry import kept_adapters
from imgcap.learning.waiting import Waiting, waiting
from imgcap.widgets.shelf import reduced

if TYPE_CHECKING:
    from imgcap.widgets.state import AppState

MOST_CHANGES: Final = 12
_SIDE: Final = 128


@dataclass(frozen=True)
class Known:
    """What was found at one moment.

    Parameters
    ----------
    waiting : Waiting
        Of the page's models.
    cards : tuple of AdapterCard
        Newest first.
    problems : tuple of str
        A sentence for each adapter that is damaged.
    adopted : Adopted
        Which answer in every page.
    deleted : mapping
        How many of an adapter's records are gone, by its id.
    """

    waiting: Waiting = field(default_factory=Waiting)
    cards: tuple[AdapterCard, ...] = ()
    problems: tuple[str, ...] = ()
    adopted: Adopted = field(default_factory=Adopted)
    deleted: Mapping[str, int] = field(default_factory=dict)

    def card(self, name: str) -> AdapterCard | None:
        """Return an adapter's card, if there is one."""
        return next((card for card in self.cards if card.id == name), None)

    def lost(self, checkpoints: Iterable[str]) -> str:
        """Return which of these checkpoints has adopted what cannot be read; empty for none."""
        for checkpoint in checkpoints:
            if (name := self.adopted.by(checkpoint)) and not self.card(name):
                return checkpoint
        return ""


class Change(BaseModel):
    """As in `imgcap.learning.labels.evaluation`, read from a card."""

    record: UUID
    before: str
    after: str
    right: str


_CHANGES: Final = TypeAdapter(list[Change])


@dataclass(frozen=True)
class ChangedAnswer:
    """An answer that changes: the picture's name, its thumbnail's address, and the labels."""

    name: str
    address: str
    change: Change


class Finder:
    """Reads feedback and adapters; after the first time only feedback that was added.

    Parameters
    ----------
    state : AppState
        Whose feedback, and whose models it is about.
    """

    def __init__(self, state: "AppState") -> None:
        self._state = state
        self._follower = Follower(state.store)
        self._names: tuple[str, str] | None = None
        self._known = Known()

    def find(self) -> Known:
        """Return what there is now; raises `FeedbackError` or `AdapterError`."""
        folder, models = self._state.settings.adapters, self._state.engine.models
        cards, problems = kept_adapters(folder)
        adopted = read_adopted(folder)
        names = models["classifier"].checkpoint, models["captioner"].checkpoint
        same = names == self._names and tuple(cards) == self._known.cards
        added = self._follower.added() if same else None
        before, deleted = self._known.waiting, self._known.deleted
        if added is None:
            before, deleted = Waiting(), deleted_records(cards, self._state.store)
        records = self._follower.everything() if added is None else added
        learned: dict[str, set[UUID]] = defaultdict(set)
        for card in cards:
            learned[card.checkpoint].update(card.records)
        found = before + waiting(records, *names, learned)
        self._known = Known(found, tuple(cards), tuple(problems), adopted, deleted)
        self._names = names
        return self._known


def changed_answers(state: "AppState", card: AdapterCard) -> list[ChangedAnswer]:
    """Return what an adapter changes; where the picture is gone, nothing is told."""
    try:
        changes = _CHANGES.validate_python(card.figures.get("changed"))[:MOST_CHANGES]
    except ValidationError:  # of a version that tells them in another way
        return []
    records = {record.id: record for record in state.store.get([each.record for each in changes])}
    found = []
    for change in changes:
        record = records.get(change.record)
        address = _thumbnail(state, record) if record else ""
        if record and address:
            found.append(ChangedAnswer(record.picture_name, address, change))
    return found


def _thumbnail(state: "AppState", record: FeedbackRecord) -> str:
    settings = state.settings
    try:
        image = kept_image(record, PictureFolder(settings.pictures), settings)
        small = reduced(edited(record, image, settings), _SIDE)
    except (FeedbackError, PictureError, EditError):
        return ""
    return f"data:image/jpeg;base64,{base64.b64encode(small).decode('ascii')}"
