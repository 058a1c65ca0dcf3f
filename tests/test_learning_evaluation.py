from dataclasses import replace

import numpy as np
import pytest

from imgcap.learning.intervals import Gain
from imgcap.learning.labels.adapters import Kind, fit
from imgcap.learning.labels.evaluation import (
    MANY,
    MOST_CHANGED,
    Evaluation,
    Measures,
    Part,
    cross_validate,
    evaluate,
)
from imgcap.learning.labels.gate import MARGIN, judge
from tests.learning_examples import LABELS, NAMED, examples, vocabulary

KINDS: tuple[Kind, ...] = ("probe", "cache")


def test_an_adapter_of_true_labels_passes() -> None:
    found = cross_validate("probe", examples(20), vocabulary())
    verdict = judge(found)
    assert verdict.passed, verdict.sentence
    assert found.everything.gain.is_sure
    assert found.everything.mcnemar < 0.001
    assert found.corrected
    assert found.corrected.after.accuracy > found.corrected.before.accuracy + 0.3
    assert found.untouched
    assert found.untouched.pictures == 20 * NAMED
    assert "95 % interval +" in verdict.sentence


def test_answers_that_changed_are_named_repaired_ones_first() -> None:
    shown = examples(20)
    found = cross_validate("probe", shown, vocabulary())
    rights = dict(zip(map(str, shown.records), (LABELS[each] for each in shown.right), strict=True))
    assert len({each.record for each in found.changed}) == len(found.changed) == MOST_CHANGED
    for each in found.changed:
        assert each.before != each.after
        assert each.right == rights[each.record]
    assert found.changed[0].after == found.changed[0].right
    assert found.as_dict()["changed"][0]["before"] == found.changed[0].before


def test_a_cache_passes_where_every_label_was_corrected_and_else_takes_from_the_others() -> None:
    few = examples(20)
    every = replace(few, corrected=np.ones(len(few), bool))
    assert judge(cross_validate("cache", every, vocabulary())).passed
    verdict = judge(cross_validate("cache", few, vocabulary()))
    assert not verdict.passed
    assert "Labels that nobody corrected would be right" in verdict.sentence


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(3))
def test_an_adapter_of_shuffled_labels_is_rejected(kind: Kind, seed: int) -> None:
    true = examples(20)
    mixed = np.random.default_rng(seed).permutation(true.right)
    shuffled = replace(true, right=mixed)
    verdict = judge(cross_validate(kind, shuffled, vocabulary()))
    assert not verdict.passed, verdict.sentence


@pytest.mark.parametrize("kind", KINDS)
def test_to_know_only_which_label_is_judged_most_is_not_enough(kind: Kind) -> None:
    """Half of the judgements say "blorp", whatever the picture shows."""
    true = examples(20)
    rng = np.random.default_rng(0)
    said = np.where(rng.random(len(true)) < 0.5, NAMED, rng.integers(0, NAMED, len(true)))
    mixed = replace(true, right=said, corrected=said == NAMED)
    verdict = judge(cross_validate(kind, mixed, vocabulary()))
    assert not verdict.passed, verdict.sentence


def test_what_was_learned_from_is_not_what_is_measured() -> None:
    """A picture's copies, one in each fold but of one group, would give the label away."""
    rng = np.random.default_rng(0)
    true = examples(10)
    noise = replace(true, right=rng.integers(0, len(LABELS), len(true)))
    noise = replace(noise, corrected=np.ones(len(noise), bool))
    copies = noise.only(np.repeat(np.arange(len(noise)), 3))
    apart = replace(copies, folds=np.tile([0, 1, 2], len(noise)))
    words = vocabulary()
    honest = cross_validate("cache", copies, words).everything.after.accuracy
    leaking = cross_validate("cache", apart, words).everything.after.accuracy
    assert honest < 0.35
    assert leaking > 0.6


def test_many_pictures_are_measured_on_one_part_that_stays_aside() -> None:
    many = examples(MANY // len(LABELS) + 1)
    found = cross_validate("probe", many, vocabulary())
    assert found.everything.pictures == (many.folds == 0).sum()


def test_the_baseline_is_the_better_of_the_ways_to_name_a_label() -> None:
    shown = examples(20)
    centres = np.stack([shown.pictures[shown.right == n].mean(0) for n in range(len(LABELS))])
    ensemble = (centres / np.linalg.norm(centres, axis=1, keepdims=True)).astype(np.float32)
    found = cross_validate("probe", shown, replace(vocabulary(), ensemble=ensemble))
    assert found.template == "ensemble"
    assert found.everything.before.accuracy > 0.95
    assert not judge(found).passed


def test_an_adapter_is_measured_on_other_pictures_than_its_own() -> None:
    words, old, later = vocabulary(), examples(10), examples(10, seed=1)
    weights = fit("probe", old, words)
    found = evaluate(weights, later, np.ones(len(later), bool), words)
    assert found.everything.pictures == len(later)
    assert found.everything.gain.is_sure


def part(before: float, after: float, *, pictures: int = 200, sure: float = 0.02) -> Part:
    gain = after - before
    return Part(
        pictures,
        Measures(before, before, 0.1),
        Measures(after, after, 0.1),
        Gain(gain, gain - sure, gain + sure),
        Gain(gain, gain - sure, gain + sure),
        0.001 if gain > sure else 0.5,
    )


GOOD = Evaluation(
    part(0.5, 0.6), part(0.2, 0.4), part(0.8, 0.8), 5, 0.25, 0.02, 0.4, 60, 200, "single"
)


def test_what_is_good_passes() -> None:
    assert judge(GOOD).passed
    assert GOOD.weighed == pytest.approx(0.4 * 0.25 - 0.6 * 0.02)
    assert GOOD.break_even == pytest.approx(0.02 / 0.27)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"corrections": 7}, "3 more corrections are needed to learn from."),
        ({"everything": part(0, 0.6)}, "10 more confirmed labels are needed to see that right"),
        ({"untouched": None}, "10 more confirmed pictures are needed of labels that nobody"),
        ({"untouched": part(0.8, 0.8 - MARGIN - 0.01)}, "3.0 points less often; 2 is the most"),
        ({"everything": part(0.5, 0.51)}, "about 2,400 more corrections would show a gain of 1.0"),
        ({"everything": part(0.5, 0.5185)}, "about 84 more corrections would show a gain of 1.8"),
        (
            {"everything": replace(part(0.5, 0.6), mcnemar=0.06)},
            "about 1 more correction would show a gain of 10.0",
        ),
        (
            {"everything": part(0.5, 0.51), "judged": 1_000},
            "about 430 more corrections would show a gain of 1.0",
        ),
        (
            {"untouched": part(0.8, 0.79, pictures=30, sure=0.15)},
            "might be right 16 points less often; about 54 more confirmed pictures of them",
        ),
        ({"everything": part(0.5, 0.4)}, "it is not right more often"),
        ({"everything": part(0.5, 0.5001)}, "too small to be shown by any reasonable number"),
        ({"repaired": 0.2, "broken": 0.2}, "would do more harm than good"),
    ],
)
def test_what_is_missing_is_said(changes: dict[str, object], sentence: str) -> None:
    verdict = judge(replace(GOOD, **changes))  # type: ignore[arg-type]
    assert not verdict.passed
    assert sentence in verdict.sentence


def test_without_labels_that_nobody_corrected_none_can_suffer() -> None:
    assert judge(replace(GOOD, untouched=None, untouched_labels=0)).passed
