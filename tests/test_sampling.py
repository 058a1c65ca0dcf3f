from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from imgcap.inference import Prediction
from imgcap.learning.embeddings import Seen
from imgcap.learning.sampling import Candidate, Choice, choose
from tests.learning_examples import unit

SURE = (Prediction("cat", 0.9), Prediction("dog", 0.1))
UNSURE = (Prediction("cat", 0.52), Prediction("dog", 0.48))
HASHES = np.random.default_rng(3).integers(0, 2**63, 100, np.uint64)
"""Each of another picture: they differ in far more than six bits."""


def candidates(
    vectors: NDArray[np.float32], predictions: Sequence[tuple[Prediction, ...]]
) -> list[Candidate]:
    return [
        Candidate(f"{place}", Seen(vector, HASHES[place]), answer)
        for place, (vector, answer) in enumerate(zip(vectors, predictions, strict=True))
    ]


def clusters(*sizes: int, seed: int = 0) -> NDArray[np.float32]:
    """Unit vectors around as many centres."""
    rng = np.random.default_rng(seed)
    centres = np.repeat(np.eye(16)[: len(sizes)], sizes, axis=0)
    return unit(centres + rng.normal(size=centres.shape) * 0.05)


def ids(choices: Sequence[Choice]) -> list[str]:
    return [choice.candidate.id for choice in choices]


def test_one_of_each_kind_and_the_largest_kind_first() -> None:
    pool = candidates(clusters(2, 6, 4), [SURE] * 12)
    found = choose(pool, count=3)
    kinds = [0 if int(each) < 2 else 1 if int(each) < 8 else 2 for each in ids(found)]
    assert kinds == [1, 2, 0]
    assert [each.reason for each in found] == [
        "stands for 5 of the others",
        "stands for 3 of the others",
        "unlike the others",
    ]
    assert ids(choose(pool, count=3)) == ids(found)


def test_what_the_classifier_is_unsure_of_comes_first() -> None:
    pool = candidates(clusters(5, 5), [SURE] * 5 + [UNSURE] * 5)
    first = choose(pool, count=1)[0]
    assert int(first.candidate.id) >= 5
    assert first.reason == "between “cat” and “dog”"


def test_what_was_judged_is_left_out_and_covers_what_is_like_it() -> None:
    vectors = clusters(6, 4)
    pool = candidates(vectors[1:], [SURE] * 9)
    assert int(choose(pool, count=1)[0].candidate.id) < 5
    elsewhere = Seen(vectors[0], HASHES[99])
    found = choose(pool, judged=[elsewhere], count=1)[0]
    assert int(found.candidate.id) >= 5
    here = choose(pool, judged_ids={"0", "5"}, count=10)
    assert sorted(ids(here)) == ["1", "2", "3", "4", "6", "7", "8"]


@pytest.mark.parametrize("bits", [6, 7])
def test_of_nearly_equal_pictures_one_is_enough(bits: int) -> None:
    pool = candidates(clusters(1, 1, 1), [SURE] * 3)
    flipped = HASHES[0] ^ np.uint64(2**bits - 1)
    twin = Candidate("twin", Seen(pool[0].seen.embedding, flipped), SURE)
    near = bits <= 6
    assert len(choose([*pool, twin])) == (3 if near else 4)
    assert ("twin" in ids(choose([*pool, twin], judged_ids={"0"}))) is not near
    assert ("0" in ids(choose(pool, judged=[twin.seen]))) is not near


def test_what_nobody_judged_the_like_of_is_said_so() -> None:
    pool = candidates(clusters(1, 1), [SURE] * 2)
    [found] = choose(pool, judged_ids={"0"})
    assert (found.candidate.id, found.reason) == ("1", "unlike any that was judged")


def test_nothing_to_choose_from() -> None:
    assert choose([]) == []
    pool = candidates(clusters(2), [SURE] * 2)
    assert choose(pool, judged_ids={"0", "1"}) == []
    alone = candidates(clusters(2), [(Prediction("cat", 1.0),)] * 2)
    assert len(choose(alone)) == 2
