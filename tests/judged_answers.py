"""Judged answers of a classifier that is surer of itself than it may be."""

from pathlib import Path

import numpy as np

from imgcap.feedback import FeedbackRecord
from imgcap.inference import Prediction
from imgcap.learning.confidence.judged import Judged

NAME = "imgcap-align-small"
SAMPLES = Path(__file__).resolve().parents[1] / "data" / "samples"
LABELS = ("a cat", "a dog", "a rocket", "a cup of coffee", "a flower", "a coin", "a temple")
TRUE = 2.5


def overconfident(count: int, seed: int = 0, n_labels: int = 7) -> list[Judged]:
    """Answers whose labels are drawn at `TRUE` times the temperature that they were scored at."""
    rng = np.random.default_rng(seed)
    answers = []
    for number in range(count):
        logits = np.sort(rng.normal(0, 4, n_labels))[::-1]
        odds = np.exp(logits / TRUE)
        right = int(rng.choice(n_labels, p=odds / odds.sum()))
        answers.append(Judged(logits, (right,), str(number)))
    return answers


def record_of(judged: Judged, **fields: object) -> FeedbackRecord:
    scores = np.exp(judged.scores(1.0))
    return FeedbackRecord(
        rating=3,
        labels=LABELS,
        predictions=tuple(map(Prediction, LABELS[:5], scores[:5].tolist())),
        corrected_label=LABELS[judged.right[0]],
        classifier=NAME,
        **fields,
    )
