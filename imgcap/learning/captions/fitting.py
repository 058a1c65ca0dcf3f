"""Teaching a captioner's decoder by a low-rank adapter, stopped before it learns by heart.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021), by peft.
"""

import copy
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch

from imgcap.inference.embedder import check
from imgcap.inference.errors import EngineError
from imgcap.inference.events import Cancel
from imgcap.inference.lora import NEEDED
from imgcap.learning.captions.examples import CaptionExamples
from imgcap.learning.captions.writer import Writer

if TYPE_CHECKING:
    from peft import PeftModel

EPOCHS: Final = 20
RANK: Final = 8
RATE: Final = 1e-3
_BATCH: Final = 8
_PATIENCE: Final = 3
_SMOOTHING: Final = 0.1
_DECAY: Final = 0.01
_LONGEST_STEP: Final = 1.0
_SEED: Final = 0


@dataclass(frozen=True)
class Taught:
    """A writer's adapter while it is in place.

    Parameters
    ----------
    adapted : peft.PeftModel
    epochs : int
        After how many rounds through the examples it was at its best.
    """

    adapted: "PeftModel"
    epochs: int

    def save(self, folder: Path, checkpoint: str) -> None:
        """Write peft's two files."""
        self.adapted.peft_config["default"].base_model_name_or_path = checkpoint
        self.adapted.save_pretrained(str(folder), save_embedding_layers=False)


@contextmanager
def taught(  # noqa: PLR0913  # what to learn, when to stop, and the hooks
    writer: Writer,
    learned: CaptionExamples,
    checked: CaptionExamples | None = None,
    *,
    epochs: int = EPOCHS,
    cancel: Cancel | None = None,
    told: Callable[[], None] = lambda: None,
) -> Iterator[Taught]:
    """Let a writer write as examples teach it, until the context ends.

    Parameters
    ----------
    learned : CaptionExamples
        At least one.
    checked : CaptionExamples, optional
        Examples that are not learned: it stops when these become less likely, and takes the
        weights with which they were likeliest.
    epochs : int
        How many rounds at most; without `checked`, exactly.
    told : callable
        Called after each round.

    Raises
    ------
    EngineError
        If peft is not installed.
    CancelledError
        If `cancel` said so; it is asked before each step.
    """
    try:
        import peft  # noqa: PLC0415  # of the extra `learn`
    except ImportError as error:
        raise EngineError(f"Learning captions {NEEDED}.") from error
    config = peft.LoraConfig(r=RANK, lora_alpha=RANK, target_modules=writer.layers())
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_SEED)
        adapted = peft.get_peft_model(writer.model, config)
    try:
        best = _learn(adapted, writer, learned, checked, epochs, cancel, told)
        yield Taught(adapted, best)
    finally:
        adapted.unload()


def _learn(  # noqa: PLR0913, PLR0917  # those of `taught`
    adapted: "PeftModel",
    writer: Writer,
    learned: CaptionExamples,
    checked: CaptionExamples | None,
    epochs: int,
    cancel: Cancel | None,
    told: Callable[[], None],
) -> int:
    weights = [each for each in adapted.parameters() if each.requires_grad]
    steps = torch.optim.AdamW(weights, RATE, weight_decay=_DECAY)
    order = np.random.default_rng(_SEED)
    lowest, best, kept = math.inf, 0, copy.deepcopy(weights)
    if checked:
        lowest = _loss_of(writer, checked, cancel)
    for epoch in range(1, epochs + 1):
        places = order.permutation(len(learned))
        for start in range(0, len(places), _BATCH):
            check(cancel)
            batch = learned.at(places[start : start + _BATCH])
            steps.zero_grad()
            torch.autograd.backward(writer.loss(batch.pictures, batch.targets, _SMOOTHING))
            torch.nn.utils.clip_grad_norm_(weights, _LONGEST_STEP)
            steps.step()
        told()
        if not checked:
            best = epoch
        elif (loss := _loss_of(writer, checked, cancel)) < lowest:
            lowest, best, kept = loss, epoch, copy.deepcopy(weights)
        elif epoch - best >= _PATIENCE:
            break
    if checked:
        with torch.no_grad():
            for weight, value in zip(weights, kept, strict=True):
                weight.copy_(value)
    return best


def _loss_of(writer: Writer, examples: CaptionExamples, cancel: Cancel | None) -> float:
    """Return the mean loss of examples, caption by caption."""
    total = 0.0
    with torch.no_grad():
        for start in range(0, len(examples), _BATCH):
            check(cancel)
            batch = examples.at(np.arange(start, min(start + _BATCH, len(examples))))
            loss = writer.loss(batch.pictures, batch.targets, smoothing=0.0)
            total += len(batch) * float(loss)
    return total / len(examples)
