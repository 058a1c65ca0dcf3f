"""Feedback that says nothing of the pictures gives no adapter that may be adopted."""

from contextlib import closing
from dataclasses import dataclass, replace
from uuid import uuid4

import numpy as np
import pytest
from numpy.typing import NDArray

from imgcap.inference import open_engine
from imgcap.labels import DEFAULT_TEMPLATES, ENSEMBLE_TEMPLATES
from imgcap.learning.groups import FOLDS
from imgcap.learning.labels.adapters import Kind, logits
from imgcap.learning.labels.evaluation import cross_validate
from imgcap.learning.labels.examples import Examples, Vocabulary
from imgcap.learning.labels.gate import judge
from imgcap.learning.labels.gather import label_embeddings, logit_scale
from imgcap.settings import Settings
from tests.learning_feedback import LABELS, pattern

KINDS: tuple[Kind, ...] = ("probe", "cache")
EACH = 12
INVENTED = ("a blorp", "a zink")
RED, GREEN, BLUE = (255, 40, 40), (40, 255, 60), (60, 60, 255)


@dataclass(frozen=True)
class Session:
    """Judged pictures, and what the checkpoint by itself says of each."""

    examples: Examples
    vocabulary: Vocabulary
    answers: NDArray[np.int64]

    def judged(self, right: NDArray[np.int64]) -> Examples:
        """Return the pictures as if people had said that these are the right labels."""
        return replace(self.examples, right=right, corrected=right != self.answers)


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Session:
    """Confirm what is said of red patterns; green ones are blorps and blue ones are zinks."""
    folder = tmp_path_factory.mktemp("adapters")
    labels = (*LABELS, *INVENTED)
    colours = [colour for colour in (RED, GREEN, BLUE) for _ in range(EACH)]
    count = len(colours)
    with closing(open_engine(Settings(adapters=folder, calibration=folder))) as engine:
        vocabulary = Vocabulary(
            labels,
            label_embeddings(engine, labels, DEFAULT_TEMPLATES),
            label_embeddings(engine, labels, ENSEMBLE_TEMPLATES),
            logit_scale(engine)[0],
        )
        pictures = engine.embed([pattern(colour, seed) for seed, colour in enumerate(colours)])
    seen = Examples(
        pictures,
        np.zeros(count, np.int64),
        np.ones((count, len(labels)), bool),
        np.zeros(count, bool),
        np.arange(count),
        np.arange(count) % FOLDS,
        np.array([uuid4() for _ in colours], object),
    )
    answers = logits(seen, vocabulary)[:, : len(LABELS)].argmax(1)
    right = np.repeat([0, len(LABELS), len(LABELS) + 1], EACH)
    right[:EACH] = answers[:EACH]
    return Session(replace(seen, right=right), vocabulary, answers)


def test_true_labels_are_learned(session: Session) -> None:
    found = cross_validate("probe", session.judged(session.examples.right), session.vocabulary)
    verdict = judge(found)
    assert verdict.passed, verdict.sentence
    assert found.everything.after.accuracy > 0.9


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(8))
def test_shuffled_labels_are_rejected(session: Session, kind: Kind, seed: int) -> None:
    mixed = np.random.default_rng(seed).permutation(session.examples.right)
    verdict = judge(cross_validate(kind, session.judged(mixed), session.vocabulary))
    assert not verdict.passed, verdict.sentence
