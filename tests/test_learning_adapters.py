from dataclasses import replace

import numpy as np
import pytest
from scipy.special import softmax

from imgcap.learning.labels.adapters import Kind, fit, logits
from imgcap.learning.labels.examples import Examples
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


@pytest.mark.parametrize("seed", range(3))
def test_one_odd_judgement_of_a_well_named_label_spoils_no_other(seed: int) -> None:
    """The only picture of a cat is one of a dog."""
    words, cat, dog = vocabulary(), 0, 1
    shown = examples(1, seed=seed)
    pictures = shown.pictures.copy()
    pictures[cat] = examples(1, seed=50 + seed).pictures[dog]
    odd = replace(shown, pictures=pictures, corrected=np.ones(len(shown), bool))
    odd = odd.only(odd.right < NAMED)
    dogs = examples(60, seed=1)
    dogs = dogs.only(dogs.right == dog)
    assert (logits(dogs, words, fit("probe", odd, words)).argmax(1) == dog).mean() > 0.99


@pytest.mark.parametrize("each", [1, 4])
def test_what_is_right_by_guessing_only_is_not_held(each: int) -> None:
    """Between two labels that the text tower cannot tell apart, every score is a half."""

    def two(found: Examples) -> Examples:
        found = found.only(found.right >= NAMED)
        return replace(found, asked=found.asked & (np.arange(len(LABELS)) >= NAMED))

    texts = vocabulary().texts.copy()
    texts[NAMED:] = texts[NAMED]
    words = replace(vocabulary(), texts=texts)
    asked = two(examples(40, seed=1))
    values = logits(asked, words, fit("probe", two(examples(each)), words))
    assert softmax(values, axis=1)[np.arange(len(asked)), asked.right].mean() > 0.95


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
