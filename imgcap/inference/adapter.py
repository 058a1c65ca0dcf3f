"""What feedback taught beside a checkpoint: which adapter answers, and what it does.

A *probe* moves the weights of labels that people corrected; a *cache* adds to their logits by how
near a picture lies to corrected ones. Both leave every other label exactly as the checkpoint names
it. A *lora* adapter changes the checkpoint's own layers: see `imgcap.inference.lora`.
"""

import functools
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

import numpy as np
from numpy.typing import NDArray
from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeFloat,
    ValidationError,
)
from safetensors import SafetensorError
from safetensors.numpy import load_file

from imgcap.inference.errors import EngineError
from imgcap.inference.events import Role

logger = logging.getLogger(__name__)

ADOPTED = "adopted.json"
CARD = "adapter.json"
WEIGHTS = "adapter.safetensors"
LORA = "lora"
"""The folder within an adapter's that holds peft's files."""
LORA_FILES = "adapter_config.json", "adapter_model.safetensors"

_LONGEST = 2**24

AdapterId = Annotated[str, Field(pattern=r"^[a-z]+-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$")]
Floats = NDArray[np.float32]


class AdapterError(EngineError):
    """An adapter that cannot be found or used; the text is one sentence for a person."""


class AdapterCard(BaseModel):
    """What is known of an adapter beside its weights.

    Attributes
    ----------
    id
        Its folder's name.
    kind
        ``probe``, ``cache`` or ``lora``.
    role
        Whose answers it changes: ``classifier`` or ``captioner``.
    checkpoint, revision
        What it was made for; it is not used for another revision.
    labels
        The labels that it changes, in the order of its weights.
    alpha, beta
        How much a cache adds to the logits, and how sharply that falls with distance.
    records
        The feedback that it was made from.
    passed
        Whether it may be adopted.
    sentence
        Why, for a person.
    figures
        What was measured on feedback that was held out.
    time
        When it was made.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: AdapterId
    kind: Literal["probe", "cache", "lora"]
    role: Role = "classifier"
    checkpoint: str
    revision: str = ""
    labels: tuple[str, ...]
    alpha: NonNegativeFloat = 0.0
    beta: NonNegativeFloat = 0.0
    records: tuple[UUID, ...]
    passed: bool
    sentence: str
    figures: dict[str, JsonValue]
    time: AwareDatetime


@dataclass(frozen=True)
class Weights:
    """What an adapter adds, in the checkpoint's embedding space.

    Parameters
    ----------
    labels : tuple of str
        The `n_taught` labels that it changes.
    offsets : ndarray
        `(n_taught, dim) float32`, added to the labels' text embeddings.
    keys : ndarray
        `(n_keys, dim) float32` unit vectors: remembered pictures.
    values : ndarray
        `(n_keys,) int64`: which of `labels` each one shows.
    alpha, beta : float
        As in `AdapterCard`.
    """

    labels: tuple[str, ...]
    offsets: Floats
    keys: Floats
    values: NDArray[np.int64]
    alpha: float = 0.0
    beta: float = 0.0

    def offsets_of(self, labels: Sequence[str]) -> Floats:
        """Return `(n_labels, dim) float32`; rows of labels that were not taught are zero."""
        rows, places = self._found(labels)
        offsets = np.zeros((len(labels), self.offsets.shape[1]), np.float32)
        offsets[rows] = self.offsets[places]
        return offsets

    def added_logits(self, pictures: Floats, labels: Sequence[str]) -> Floats:
        """Return `(n_pictures, n_labels) float32` of the cache; columns not taught are zero.

        Affinities are ``exp(-beta (1 - cosine))``, of Zhang et al., "Tip-Adapter" (2022).
        """
        logits = np.zeros((len(pictures), len(labels)), np.float32)
        if len(self.keys):
            affinities = np.exp(self.beta * (pictures @ self.keys.T - 1))
            shown = np.eye(len(self.labels), dtype=np.float32)[self.values]
            rows, places = self._found(labels)
            logits[:, rows] = self.alpha * (affinities @ shown)[:, places]
        return logits

    def _found(self, labels: Sequence[str]) -> tuple[list[int], list[int]]:
        known = {label_key(label): place for place, label in enumerate(self.labels)}
        pairs = [
            (row, known[label_key(label)])
            for row, label in enumerate(labels)
            if label_key(label) in known
        ]
        return [row for row, _ in pairs], [place for _, place in pairs]


@dataclass(frozen=True)
class Adapter:
    """An adapter as it is used.

    Parameters
    ----------
    card : AdapterCard
    weights : Weights or None
        What it adds to labels; a lora adapter may have nothing of the kind.
    lora : Path or None
        The folder of peft's files, for a lora adapter.
    """

    card: AdapterCard
    weights: Weights | None = None
    lora: Path | None = None


class Adopted(BaseModel):
    """Which adapters were adopted for each checkpoint; the last one answers."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    checkpoints: dict[str, tuple[AdapterId, ...]] = {}

    def by(self, checkpoint: str) -> str:
        """Return the adapter that answers for a checkpoint, empty for none."""
        return self.checkpoints.get(checkpoint, ("",))[-1]


def label_key(label: str) -> str:
    """Return what spellings of a label have in common: neither letter case nor spaces count."""
    return " ".join(label.casefold().split())


def read_adapter(folder: Path, name: str) -> Adapter:
    """Read an adapter whole; raises `AdapterError` if it is missing or damaged.

    The files of peft are only seen to be there: reading them needs the model.
    """
    card = read_card(folder, name)
    place = folder / name
    lora = place / LORA if card.kind == "lora" else None
    if lora and not all((lora / file).is_file() for file in LORA_FILES):
        raise AdapterError(f"The adapter “{name}” lacks a part.")
    if lora and not (place / WEIGHTS).exists():
        return Adapter(card, lora=lora)
    try:
        tensors = load_file(place / WEIGHTS)
        weights = Weights(
            card.labels,
            tensors["offsets"],
            tensors["keys"],
            tensors["values"],
            card.alpha,
            card.beta,
        )
        _check(weights)
    except (OSError, SafetensorError, KeyError, ValueError) as error:
        raise AdapterError(f"The weights of the adapter “{name}” cannot be read.") from error
    return Adapter(card, weights, lora)


def read_card(folder: Path, name: str) -> AdapterCard:
    """Read what is known of an adapter; raises `AdapterError` if it is missing or damaged."""
    path = folder / name / CARD
    try:
        if path.stat().st_size > _LONGEST:
            raise AdapterError(f"The card of the adapter “{name}” is too large to be one.")
        card = AdapterCard.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise AdapterError(f"There is no adapter “{name}”.") from error
    except OSError as error:
        raise AdapterError(f"The adapter “{name}” cannot be read.") from error
    except ValidationError as error:
        raise AdapterError(
            f"The card of the adapter “{name}” is damaged or of a newer version."
        ) from error
    if card.id != name:
        raise AdapterError(f"The card of the adapter “{name}” is that of another one.")
    return card


def read_adopted(folder: Path) -> Adopted:
    """Read which adapters are in use; raises `AdapterError` if that is damaged."""
    try:
        return Adopted.model_validate_json((folder / ADOPTED).read_bytes())
    except FileNotFoundError:
        return Adopted()
    except (OSError, ValidationError) as error:
        raise AdapterError(
            f"“{folder / ADOPTED}”, the list of adopted adapters, cannot be read."
        ) from error


def answering(
    folder: Path,
    checkpoint: str,
    role: Role = "classifier",
    revision: str = "",
    trying: str | None = None,
) -> Adapter | None:
    """Return the adapter that answers for a checkpoint, or None if that answers by itself.

    One that cannot be used goes to the log, once, and the checkpoint answers without it.

    Parameters
    ----------
    folder : Path
        Of all adapters.
    revision : str
        The checkpoint's commit; an adapter is not used for another one.
    trying : str, optional
        The adapter to use in place of the adopted one; empty for none at all.
    """
    name = _adopted(folder, checkpoint) if trying is None else trying
    if not name:
        return None
    try:
        made = (folder / name / CARD).stat().st_mtime_ns
    except OSError:
        made = 0
    found = _usable(folder, name, made)
    made_for = found and (found.card.checkpoint, found.card.role, found.card.revision)
    return found if made_for == (checkpoint, role, revision) else None


def _adopted(folder: Path, checkpoint: str) -> str:
    try:
        stat = (folder / ADOPTED).stat()
    except OSError:
        return ""
    return _all_adopted(folder, stat.st_mtime_ns, stat.st_ino).by(checkpoint)


@functools.lru_cache(maxsize=8)
def _all_adopted(folder: Path, _mtime: int, _inode: int) -> Adopted:
    """Read the list once per change of it."""
    try:
        return read_adopted(folder)
    except AdapterError as error:
        logger.warning("%s Checkpoints answer without adapters.", error)
        return Adopted()


@functools.lru_cache(maxsize=8)
def _usable(folder: Path, name: str, _mtime: int) -> Adapter | None:
    try:
        return read_adapter(folder, name)
    except AdapterError as error:
        logger.warning("%s The checkpoint answers without it.", error)
        return None


def _check(weights: Weights) -> None:
    """Refuse tensors that do not fit together."""
    taught = len(weights.labels)
    fits = (
        weights.offsets.dtype == weights.keys.dtype == np.float32
        and weights.offsets.ndim == weights.keys.ndim == 2  # noqa: PLR2004  # matrices
        and len(weights.offsets) == taught
        and weights.offsets.shape[1] == weights.keys.shape[1]
        and weights.values.shape == (len(weights.keys),)
        and weights.values.dtype == np.int64
        and bool(np.isfinite(weights.offsets).all() and np.isfinite(weights.keys).all())
        and bool(((weights.values >= 0) & (weights.values < taught)).all())
    )
    if not fits:
        raise ValueError("The tensors do not fit together.")
