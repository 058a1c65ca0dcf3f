"""Rounds through judged pictures, in which a picture tower's last blocks learn.

Low-rank adapters (Hu et al., "LoRA", 2021), by peft, which few-shot learning of vision-language
models profits from (Zanella and Ben Ayed, "Low-Rank Few-Shot Adaptation of Vision-Language Models",
2024). What the tower makes of a picture is held near what it made of it before, so that labels
that nobody corrected go on to fit their pictures: distillation of features, as Li and Hoiem,
"Learning without Forgetting" (2016), do with answers.
"""

import math
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # its usual name

from imgcap.inference.label_weights import Floats
from imgcap.learning import low_rank
from imgcap.learning.groups import FOLDS
from imgcap.learning.labels.adapters import fit
from imgcap.learning.labels.examples import Examples, Vocabulary
from imgcap.learning.low_rank import SEED, Manner, Places, Taught, batches
from imgcap.learning.tower.halfway import Halfway

# Chosen among a few on actions15, with its own names and with invented ones.
_MANNER: Final = Manner(rank=4, alpha=8, rate=1e-3, decay=0.0, patience=2)
DRIFT: Final = 5.0
EPOCHS: Final = 6
_LEAST: Final = 64
"""So many looks at pictures make a round at least, or a few pictures would be given up at once."""


@dataclass(frozen=True)
class Lesson:
    """Judged pictures and what they should be called.

    Parameters
    ----------
    halfway : Halfway
    examples : Examples
        One for each picture.
    texts : ndarray
        `(n_folds, n_labels, dim) float32`: what the pictures of a fold should come near to.
    shares : ndarray
        `(n,) float32`: how much each picture counts, 1 on average unless none counts.
    scale : float
        What the checkpoint multiplies cosine similarities with.
    """

    halfway: Halfway
    examples: Examples
    texts: Floats
    shares: Floats
    scale: float

    @classmethod
    def of(
        cls, halfway: Halfway, examples: Examples, learned: Places, vocabulary: Vocabulary
    ) -> "Lesson":
        """Move the texts of corrected labels by a probe, for each fold by one that never saw it.

        A probe fits the pictures that it learned from so well that nothing would be left to learn.
        Labels weigh alike; one that is known by pictures of a single fold does not count there.
        """
        taught = examples.only(learned)
        corrected = np.unique(taught.right[taught.corrected])
        texts = np.repeat(vocabulary.texts[None], FOLDS, axis=0)
        right = examples.right
        shares = 1 / np.maximum(1, np.bincount(taught.right, minlength=len(vocabulary.labels)))
        counts = shares[right].astype(np.float32)
        for fold in np.unique(examples.folds):
            others = taught.only(taught.folds != fold)
            moved = np.unique(others.right[others.corrected])
            if len(moved):
                offsets = fit("probe", others, vocabulary).offsets_of(vocabulary.labels)
                texts[fold] += offsets
            here = examples.folds == fold
            counts[here & np.isin(right, np.setdiff1d(corrected, moved))] = 0
        counts /= counts.mean() or 1
        return cls(halfway, examples, texts, counts, vocabulary.scale)

    def loss(self, places: Places, views: Places, *, drift: float) -> Tensor:
        """Return the weighed cross-entropy, and the weighed drift of the features."""
        seen = self.halfway.batch(places, views)
        vectors = self.halfway.tail.embed(seen)
        texts = torch.from_numpy(self.texts[self.examples.folds[places]])
        logits = self.scale * torch.einsum("nd,nld->nl", vectors, texts)
        asked = torch.from_numpy(self.examples.asked[places])
        wrong = F.cross_entropy(
            logits.masked_fill(~asked, -math.inf),
            torch.from_numpy(self.examples.right[places]),
            reduction="none",
        )
        moved = 1 - (vectors * seen.embeddings).sum(1)
        weights = torch.from_numpy(self.shares[places])
        return (weights * wrong + drift * moved).mean()


def looks_in_all(pictures: int) -> int:
    """Return how many looks at pictures all rounds take, at most."""
    return EPOCHS * (pictures + _LEAST)


def taught(
    lesson: Lesson,
    learned: Places,
    checked: Places,
    epochs: int,
    told: Callable[[int], None],
) -> AbstractContextManager[Taught]:
    """Let the tower see pictures as examples teach it, until the context ends.

    Parameters
    ----------
    learned : ndarray
        The places of at least one example.
    checked : ndarray
        Examples that are not learned: it stops when these become less likely, and takes the
        weights with which they were likeliest, be it those before the first round. Without any, it
        learns for all rounds.
    epochs : int
        How many rounds at most.
    told : callable
        Told before each step how many pictures it looks at; what it raises ends the work.
    """
    tail = lesson.halfway.tail
    chance = np.random.default_rng(SEED)
    if not lesson.shares[learned].any():  # nothing but noise would be followed
        epochs = 0

    def learn() -> Iterator[Tensor]:
        often = math.ceil(_LEAST / len(learned))
        for batch in batches(chance.permutation(np.repeat(learned, often))):
            told(len(batch))
            views = chance.integers(0, lesson.halfway.views, len(batch))
            yield lesson.loss(batch, views, drift=DRIFT)

    def loss(batch: Places) -> Tensor:
        told(0)
        return lesson.loss(batch, np.zeros_like(batch), drift=0.0)

    return low_rank.taught(
        tail.model,
        tail.targets,
        _MANNER,
        learn=learn,
        loss=loss,
        checked=checked,
        epochs=epochs,
    )
