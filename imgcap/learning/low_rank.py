"""Low-rank adapters that learn in rounds, stopped before they learn by heart.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021), by peft.
"""

import copy
import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor, nn

from imgcap.feedback import FeedbackError
from imgcap.inference.errors import EngineError
from imgcap.inference.lora import NEEDED

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

logger = logging.getLogger(__name__)

SEED: Final = 0
"""Of all that is drawn while an adapter learns, so that the same examples teach the same."""
_BATCH: Final = 8

Places = NDArray[np.int64]
"""Where examples stand among others."""


@dataclass(frozen=True)
class Manner:
    """How an adapter learns.

    Parameters
    ----------
    rank, alpha : int
        Of the adapter; `alpha / rank` scales what it adds.
    rate, decay : float
        Of AdamW.
    patience : int
        It stops after so many rounds in a row that made nothing likelier.
    longest_step : float
        Longer gradients are shortened to this norm.
    """

    rank: int
    alpha: int
    rate: float
    decay: float
    patience: int
    longest_step: float = math.inf


@dataclass(frozen=True)
class Taught:
    """A model's adapter while it is in place.

    Parameters
    ----------
    adapted : peft.PeftModel
    epochs : int
        After how many rounds through the examples it was at its best.
    """

    adapted: "PeftModel"
    epochs: int

    def save(self, folder: Path, checkpoint: str = "") -> None:
        """Write peft's two files, with what the checkpoint is called in them, or nothing of it.

        Raises
        ------
        FeedbackError
            If they cannot be written.
        """
        # With None, peft would write where this machine keeps it.
        self.adapted.peft_config["default"].base_model_name_or_path = checkpoint
        try:
            self.adapted.save_pretrained(str(folder), save_embedding_layers=False)
        except (OSError, SafetensorError) as error:
            logger.info("An adapter cannot be written", exc_info=True)
            raise FeedbackError(
                f"The adapter could not be written to “{folder}”; the disk may be full."
            ) from error


def check_extra(work: str) -> None:
    """Raise `EngineError` if peft, which some work needs, is not installed."""
    try:
        import peft  # noqa: F401, PLC0415  # of the extra `learn`
    except ImportError as error:
        raise EngineError(f"{work} {NEEDED}.") from error


def batches(places: Places) -> Iterator[Places]:
    """Yield the places of as many examples as are looked at together."""
    for start in range(0, len(places), _BATCH):
        yield places[start : start + _BATCH]


@contextmanager
def taught(  # noqa: PLR0913  # what learns and how, what from, and when it stops
    model: "PreTrainedModel",
    layers: list[str],
    manner: Manner,
    *,
    learn: Callable[[], Iterator[Tensor]],
    loss: Callable[[Places], Tensor],
    checked: Places,
    epochs: int,
) -> Iterator[Taught]:
    """Let a model answer as examples teach it, until the context ends.

    Parameters
    ----------
    model : transformers.PreTrainedModel
    layers : list of str
        The names of those that learn.
    learn : callable
        Yields the losses of one round, batch by batch; what it raises ends the work.
    loss : callable
        Returns the mean loss of a batch of examples that are not learned.
    checked : ndarray
        The places of all of these: it stops when they become less likely, and takes the weights
        with which they were likeliest, be it those before the first round. Without any, it learns
        for all rounds.
    epochs : int
        How many rounds at most.
    """
    import peft  # noqa: PLC0415  # of the extra `learn`

    config = peft.LoraConfig(r=manner.rank, lora_alpha=manner.alpha, target_modules=layers)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        adapted = peft.get_peft_model(model, config)
    try:
        weights = [each for each in adapted.parameters() if each.requires_grad]
        rounds = _rounds(weights, manner, learn, epochs)
        if len(checked):
            best = _best_of(rounds, weights, lambda: _mean(loss, checked), manner.patience)
        else:
            best = len([*rounds])
        yield Taught(adapted, best)
    finally:
        adapted.unload()


def _rounds(
    weights: list[nn.Parameter],
    manner: Manner,
    learn: Callable[[], Iterator[Tensor]],
    epochs: int,
) -> Iterator[int]:
    """Yield the number of each round once it is done."""
    steps = torch.optim.AdamW(weights, manner.rate, weight_decay=manner.decay)
    for epoch in range(1, epochs + 1):
        for loss in learn():
            steps.zero_grad()
            torch.autograd.backward(loss)
            torch.nn.utils.clip_grad_norm_(weights, manner.longest_step)
            steps.step()
        yield epoch


def _best_of(
    rounds: Iterator[int],
    weights: list[nn.Parameter],
    checked: Callable[[], float],
    patience: int,
) -> int:
    """Stop when a loss no longer falls, and put the weights back with which it was lowest."""
    lowest, best, kept = checked(), 0, copy.deepcopy(weights)
    for epoch in rounds:
        if (loss := checked()) < lowest:
            lowest, best, kept = loss, epoch, copy.deepcopy(weights)
        elif epoch - best >= patience:
            break
    with torch.no_grad():
        for weight, value in zip(weights, kept, strict=True):
            weight.copy_(value)
    return best


def _mean(loss: Callable[[Places], Tensor], places: Places) -> float:
    with torch.no_grad():
        total = sum(len(batch) * float(loss(batch)) for batch in batches(places))
    return total / len(places)
