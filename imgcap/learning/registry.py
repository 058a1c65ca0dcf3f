"""The adapters that were made: kept beside the checkpoints, adopted, taken back and deleted."""

import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from filelock import FileLock
from safetensors.numpy import save

from imgcap.feedback.files import explained, whole_file, whole_folder
from imgcap.inference.adapter import (
    CARD,
    LORA,
    LORA_FILES,
    WEIGHTS,
    Adapter,
    AdapterCard,
    AdapterError,
    read_adapter,
    read_card,
)
from imgcap.inference.adopted import ADOPTED, Adopted, read_adopted
from imgcap.inference.calibration import adapter_calibrations

if TYPE_CHECKING:
    from numpy.typing import NDArray

_LOCK_SECONDS = 10


def new_id(kind: str) -> str:
    """Return a name for an adapter that is made now."""
    return f"{kind}-{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(3)}"


def keep_adapter(folder: Path, adapter: Adapter) -> None:
    """Keep an adapter, whole or not at all.

    Parameters
    ----------
    folder : Path
        Of all adapters.
    adapter : Adapter
        The files of a lora adapter are copied from where it says that they lie.

    Raises
    ------
    FeedbackError
        If it cannot be written.
    """
    with explained("The adapter could not be kept", folder):
        folder.mkdir(parents=True, exist_ok=True)
        with whole_folder(folder / adapter.card.id) as place:
            if weights := adapter.weights:
                tensors: dict[str, NDArray[Any]] = {
                    "offsets": weights.offsets,
                    "keys": weights.keys,
                    "values": weights.values,
                }
                (place / WEIGHTS).write_bytes(save(tensors))
            if adapter.lora:
                (place / LORA).mkdir()
                for name in LORA_FILES:
                    shutil.copyfile(adapter.lora / name, place / LORA / name)
            (place / CARD).write_text(adapter.card.model_dump_json(indent=2) + "\n", "utf-8")


def kept_adapters(folder: Path) -> tuple[list[AdapterCard], list[str]]:
    """Return the cards of all adapters, newest first, and a sentence for each that is damaged."""
    cards: list[AdapterCard] = []
    problems: list[str] = []
    for path in sorted(folder.glob(f"*/{CARD}")):
        if path.parent.name.startswith("."):
            continue
        try:
            cards.append(read_card(folder, path.parent.name))
        except AdapterError as error:
            problems.append(str(error))
    return sorted(cards, key=lambda card: card.time, reverse=True), problems


def adopt(folder: Path, name: str) -> AdapterCard:
    """Let an adapter answer from the next question on, in every open page.

    Raises
    ------
    AdapterError
        If it is missing or damaged, or did not pass.
    FeedbackError
        If that cannot be written; what was adopted before answers on.
    """
    card = read_adapter(folder, name).card
    if not card.passed:
        raise AdapterError(f"“{name}” may not be adopted. {card.sentence}")
    with _changing(folder):
        adopted = read_adopted(folder)
        before = adopted.checkpoints.get(card.checkpoint, ())
        if before[-1:] != (name,):
            _write(folder, adopted, card.checkpoint, (*before, name))
    return card


def rollback(folder: Path, checkpoint: str) -> tuple[str, str]:
    """Let the adapter that was adopted before answer again, or the checkpoint by itself.

    Returns
    -------
    tuple of str
        Which adapter answered, and which does now; empty for none.

    Raises
    ------
    AdapterError
        If there is nothing to take back.
    FeedbackError
        If that cannot be written.
    """
    with _changing(folder):
        adopted = read_adopted(folder)
        *before, last = adopted.checkpoints.get(checkpoint, ("",))
        if not last:
            raise AdapterError(f"{checkpoint} answers without an adapter already.")
        _write(folder, adopted, checkpoint, tuple(before))
    return last, before[-1] if before else ""


def delete(folder: Path, name: str, calibrations: Path) -> None:
    """Delete an adapter for good.

    Parameters
    ----------
    folder : Path
        Of all adapters.
    name : str
        Its id.
    calibrations : Path
        The folder of calibrations, where what was learned of its scores is deleted too.

    Raises
    ------
    AdapterError
        If there is none of this name, or it is the one that answers.
    FeedbackError
        If it cannot be removed.
    """
    known = {path.parent.name for path in folder.glob(f"*/{CARD}")}
    if name not in known or name.startswith("."):
        raise AdapterError(f"There is no adapter “{name}”.")
    with _changing(folder):
        adopted = read_adopted(folder)
        for checkpoint, names in adopted.checkpoints.items():
            if names[-1:] == (name,):
                raise AdapterError(f"“{name}” answers at present: roll back first.")
            if name in names:
                adopted = _write(
                    folder, adopted, checkpoint, tuple(each for each in names if each != name)
                )
        place = folder / name
        gone = place.with_name(f".{name}.part")  # first, so that nobody reads half of it
        place.rename(gone)
        shutil.rmtree(gone)
        for path in adapter_calibrations(calibrations, name):
            path.unlink(missing_ok=True)


def trained_on(folder: Path, ids: Collection[UUID]) -> list[AdapterCard]:
    """Return the adapters that learned from any of these records."""
    wanted = set(ids)
    return [card for card in kept_adapters(folder)[0] if not wanted.isdisjoint(card.records)]


def _write(folder: Path, adopted: Adopted, checkpoint: str, names: tuple[str, ...]) -> Adopted:
    changed = {**adopted.checkpoints, checkpoint: names}
    if not names:
        del changed[checkpoint]
    adopted = Adopted(checkpoints=changed)
    with whole_file(folder / ADOPTED) as file:
        file.write(adopted.model_dump_json(indent=2).encode() + b"\n")
    return adopted


@contextmanager
def _changing(folder: Path) -> Iterator[None]:
    """Let one program at a time change what is adopted."""
    with explained("The list of adopted adapters could not be changed", folder):
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock", timeout=_LOCK_SECONDS):
            yield
