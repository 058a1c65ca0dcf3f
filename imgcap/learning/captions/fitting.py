"""Teaching a captioner's decoder by a low-rank adapter, stopped before it learns by heart.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models" (2021), by peft.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

import numpy as np
from torch import Tensor

from imgcap.inference.embedder import check
from imgcap.inference.events import Cancel
from imgcap.learning import low_rank
from imgcap.learning.captions.examples import CaptionExamples
from imgcap.learning.captions.writer import Writer
from imgcap.learning.low_rank import SEED, Manner, Places, Taught, batches

EPOCHS: Final = 20
_MANNER: Final = Manner(rank=8, alpha=8, rate=1e-3, decay=0.01, patience=3, longest_step=1.0)
_SMOOTHING: Final = 0.1


def taught(  # noqa: PLR0913  # what to learn, when to stop, and the hooks
    writer: Writer,
    learned: CaptionExamples,
    checked: CaptionExamples | None = None,
    *,
    epochs: int = EPOCHS,
    cancel: Cancel | None = None,
    told: Callable[[], None] = lambda: None,
) -> AbstractContextManager[Taught]:
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
    CancelledError
        If `cancel` said so; it is asked before each step.
    """
    order = np.random.default_rng(SEED)
    aside = learned.at(np.arange(0)) if checked is None else checked

    def loss(examples: CaptionExamples, places: Places, smoothing: float) -> Tensor:
        check(cancel)
        batch = examples.at(places)
        return writer.loss(batch.pictures, batch.targets, smoothing)

    def learn() -> Iterator[Tensor]:
        for places in batches(order.permutation(len(learned))):
            yield loss(learned, places, _SMOOTHING)
        told()

    return low_rank.taught(
        writer.model,
        writer.layers(),
        _MANNER,
        learn=learn,
        loss=lambda places: loss(aside, places, 0.0),
        checked=np.arange(len(aside)),
        epochs=epochs,
    )
