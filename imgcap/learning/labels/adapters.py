"""Fitting an adapter to embeddings of judged pictures, in CPU seconds.

The probe follows Silva-Rodríguez, Hajimiri, Ben Ayed, Dolz, "A Closer Look at the Few-Shot
Adaptation of Large Vision-Language Models" (CLAP, 2024): a linear classifier that starts from the
zero-shot weights and is held near them, each label the more firmly the better the zero-shot weight
names its pictures (here by a power of how far its mean score rises above an even guess). With few
pictures that mean says little: it is estimated as if one more picture had been named as well as
those of all corrected labels are (the m-estimate of Cestnik, "Estimating Probabilities", 1990); and
the more pictures a label has, the less it is held. Like Huang et al., "LP++" (2024), it
needs no validation set. The cache is the training-free one of Zhang et al., "Tip-Adapter" (2022).
"""

from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import log_softmax

from imgcap.inference.label_weights import Floats, Weights
from imgcap.learning.labels.examples import Examples, Vocabulary

Kind = Literal["probe", "cache"]

# Chosen on the held-out fifth of actions15, with its own names, with invented ones, and with both.
HOLD: Final = 30.0
LEAST_HOLD: Final = 2e-5
POWER: Final = 4
ALPHA: Final = 10.0
BETA: Final = 3.0
_STEPS: Final = 200


def fit(kind: Kind, examples: Examples, vocabulary: Vocabulary) -> Weights:
    """Fit an adapter to examples; only labels that someone corrected are changed.

    Raises
    ------
    ValueError
        If nothing was corrected.
    """
    taught = np.unique(examples.right[examples.corrected])
    if not len(taught):
        raise ValueError("Nothing was corrected.")
    labels = tuple(vocabulary.labels[place] for place in taught)
    dim = examples.pictures.shape[1]
    if kind == "probe":
        offsets = _probe(examples, vocabulary, taught)
        return Weights(labels, offsets, np.zeros((0, dim), np.float32), np.zeros(0, np.int64))
    shown = np.isin(examples.right, taught)
    return Weights(
        labels,
        np.zeros((len(taught), dim), np.float32),
        examples.pictures[shown],
        np.searchsorted(taught, examples.right[shown]).astype(np.int64),
        ALPHA,
        BETA,
    )


def logits(examples: Examples, vocabulary: Vocabulary, weights: Weights | None = None) -> Floats:
    """Return `(n, n_labels) float32`; minus infinity where a label was no candidate."""
    texts = vocabulary.texts
    if weights:
        texts = texts + weights.offsets_of(vocabulary.labels)
    values = vocabulary.scale * (examples.pictures @ texts.T)
    if weights:
        values += weights.added_logits(examples.pictures, vocabulary.labels)
    found: Floats = np.where(examples.asked, values, np.float32(-np.inf))
    return found


def _probe(examples: Examples, vocabulary: Vocabulary, taught: NDArray[np.int64]) -> Floats:
    """Minimise cross-entropy plus the hold on each taught label: a convex problem.

    Labels weigh alike, however often each was judged: how often people judge a label says nothing
    of how often pictures show it. What is held is by how far logits move, so that the hold means
    the same for every checkpoint, however it scales cosines.
    """
    pictures = examples.pictures.astype(np.float64)
    start = logits(examples, vocabulary).astype(np.float64)
    rows = np.arange(len(pictures))
    right = np.zeros_like(start)
    right[rows, examples.right] = 1
    counts = right.sum(0)
    weights = 1 / counts[examples.right]
    guess = 1 / examples.asked.sum(1, keepdims=True)
    above = np.maximum(0, (np.exp(log_softmax(start, axis=1)) - guess) / (1 - guess))
    named = (above * right).sum(0)[taught]
    shares = (named + (named / counts[taught]).mean()) / (counts[taught] + 1)
    hold = ((LEAST_HOLD + HOLD * shares**POWER) / counts[taught])[:, None]
    shape = len(taught), pictures.shape[1]

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        moves = flat.reshape(shape)
        moved = start.copy()
        moved[:, taught] += pictures @ moves.T
        logs = log_softmax(moved, axis=1)
        error = weights[:, None] * (np.exp(logs) - right)[:, taught]
        value = -(weights * logs[rows, examples.right]).sum() + (hold * moves**2).sum()
        slope = error.T @ pictures + 2 * hold * moves
        return float(value), slope.ravel()

    found = minimize(
        loss, np.zeros(shape).ravel(), jac=True, method="L-BFGS-B", options={"maxiter": _STEPS}
    )
    offsets: Floats = (found.x.reshape(shape) / vocabulary.scale).astype(np.float32)
    return offsets
