"""What feedback taught beside a checkpoint, as it is kept: a card, and weights beside it.

A *probe* moves the weights of labels that people corrected; a *cache* adds to their logits by how
near a picture lies to corrected ones: see `imgcap.inference.label_weights`. A *lora* adapter
changes the checkpoint's own layers: see `imgcap.inference.lora`.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal
from uuid import UUID

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
from imgcap.inference.label_weights import Weights

CARD = "adapter.json"
WEIGHTS = "adapter.safetensors"
LORA = "lora"
"""The folder within an adapter's that holds peft's files."""
LORA_FILES = "adapter_config.json", "adapter_model.safetensors"

_LONGEST = 2**24

AdapterId = Annotated[str, Field(pattern=r"^[a-z]+-[0-9]{8}-[0-9]{6}-[0-9a-f]{6}$")]


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
