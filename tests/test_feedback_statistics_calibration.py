"""Whether scores told the truth, and which labels are taken for which."""

import math

import pytest

from imgcap.feedback.statistics import CONFUSED, Statistics, statistics_of
from tests.feedback_outlines import judged, said


def cells(statistics: Statistics) -> dict[tuple[str | None, str | None], int]:
    """Return the cells of the confusion table that are not empty."""
    table = statistics.confusion
    return {
        (predicted, right): number
        for predicted, row in zip(table.labels, table.counts, strict=True)
        for right, number in zip(table.labels, row, strict=True)
        if number
    }


def test_calibration_compares_scores_with_what_was_right() -> None:
    statistics = statistics_of(
        [
            *judged("cat", "cat", 0.9, times=3),
            *judged("cat", "dog", 0.94),
            *judged("cat", "dog", 0.25),
            *judged("cat", "cat", 1.0),
            *judged("cat", "cat", None),  # a label without a score
            *judged("cat", "cat", math.nan),
            said(label="cat", score=0.5),
        ]
    )
    low, high = statistics.calibration.bins
    assert (low.low, low.high, low.confidence, low.accuracy.share) == (0.2, 0.3, 0.25, 0)
    assert (high.low, high.high, high.accuracy.confirmed) == (0.9, 1.0, 4)
    assert high.accuracy.judged == 5
    assert high.confidence == pytest.approx((3 * 0.9 + 0.94 + 1) / 5)
    # (1 * |0 - 0.25| + 5 * |0.8 - 0.928|) / 6
    assert statistics.calibration.error == pytest.approx((0.25 + 5 * 0.128) / 6)
    assert statistics.label_accuracy.judged == 8


def test_scores_of_labels_that_stood_by_themselves_are_not_mixed_with_others() -> None:
    alone = said(label="cat", corrected_label="dog", score=0.9, independent=True)
    together = judged("cat", "cat", 0.9)
    mixed = statistics_of([*together, alone, alone])
    assert mixed.calibration.bins == statistics_of(together).calibration.bins
    assert mixed.calibration.independent == 2
    assert mixed.label_accuracy.judged == 3
    assert statistics_of([alone]).calibration.error is None


def test_scores_that_tell_the_truth_have_no_calibration_error() -> None:
    outlines = [*judged("cat", "cat", 0.75, times=3), *judged("cat", "dog", 0.75)]
    assert statistics_of(outlines).calibration.error == 0


def test_confusions_are_counted_by_pair() -> None:
    outlines = [
        *judged("cat", "Cat", times=3),
        *judged("cat", "lynx", times=2),
        *judged("lynx", "cat"),
    ]
    statistics = statistics_of(outlines)
    assert statistics.confusion.labels == ("cat", "lynx")
    assert statistics.confusion.counts == ((3, 2), (1, 0))


def test_rare_labels_share_the_last_row_and_column() -> None:
    many = [
        outline
        for n in range(CONFUSED)
        for outline in judged(f"label {n:02}", f"label {n:02}", times=2)
    ]
    statistics = statistics_of([*many, *judged("rare", "rarer"), *judged("label 00", "rare")])
    assert statistics.confusion.labels == (*(f"label {n:02}" for n in range(CONFUSED)), None)
    assert cells(statistics)[None, None] == 1
    assert cells(statistics)["label 00", None] == 1
    assert sum(cells(statistics).values()) == 2 * CONFUSED + 2
