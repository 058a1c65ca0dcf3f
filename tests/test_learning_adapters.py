from dataclasses import replace

import numpy as np
import pytest

from imgcap.learning.adapters import Kind, fit, logits
from tests.learning_examples import LABELS, NAMED, examples, vocabulary

KINDS: tuple[Kind, ...] = ("probe", "cache")


@pytest.mark.parametrize("kind", KINDS)
def test_invented_labels_are_learned_from_a_handful_of_pictures(kind: Kind) -> None:
    words, shown, asked = vocabulary(), examples(4), examples(30, seed=1)
    invented = asked.only(asked.right >= NAMED)
    before = logits(invented, words).argmax(1) == invented.right
    after = logits(invented, words, fit(kind, shown, words)).argmax(1) == invented.right
    assert before.mean() < 0.4
    assert after.mean() > 0.8


@pytest.mark.parametrize("kind", KINDS)
def test_labels_that_nobody_corrected_keep_their_logits_to_the_bit(kind: Kind) -> None:
    words, shown = vocabulary(), examples(8)
    weights = fit(kind, shown, words)
    assert weights.labels == LABELS[NAMED:]
    before, after = logits(shown, words), logits(shown, words, weights)
    assert np.array_equal(before[:, :NAMED], after[:, :NAMED])
    assert not np.array_equal(before[:, NAMED:], after[:, NAMED:])
    assert not weights.offsets_of(LABELS[:NAMED]).any()


def test_a_label_that_the_checkpoint_names_well_is_held_more_firmly() -> None:
    words, shown = vocabulary(), examples(8)
    shown = replace(shown, corrected=np.ones(len(shown), bool))
    moved = np.linalg.norm(fit("probe", shown, words).offsets, axis=1)
    assert moved[:NAMED].max() < moved[NAMED:].min() / 3


def test_only_candidates_can_win() -> None:
    words, shown = vocabulary(), examples(8)
    asked = shown.asked.copy()
    asked[:, 0] = shown.right == 0
    shown = replace(shown, asked=asked)
    values = logits(shown, words, fit("cache", shown, words))
    assert not np.isin(values[shown.right != 0].argmax(1), [0]).any()


def test_labels_are_found_whatever_their_letter_case_and_spaces() -> None:
    weights = fit("probe", examples(4), vocabulary())
    spelled = weights.offsets_of(["  BLORP ", "Zink"])
    assert np.array_equal(spelled, weights.offsets)


@pytest.mark.parametrize("kind", KINDS)
def test_without_a_correction_there_is_nothing_to_fit(kind: Kind) -> None:
    shown = examples(4)
    with pytest.raises(ValueError, match="Nothing was corrected"):
        fit(kind, shown.only(~shown.corrected), vocabulary())
