"""What feedback comes to: ratings, and how often answers were right."""

import json
import random
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgcap.feedback import FeedbackRecord, open_store_at
from imgcap.feedback.statistics import accuracy_of, statistics_of
from imgcap.feedback.statistics import tally as tallies
from imgcap.feedback.statistics.tally import Tally
from imgcap.feedback.store import outline_of
from imgcap.inference import Prediction
from tests.feedback_outlines import MONDAY, judged, said
from tests.feedback_records import RECORDS


def test_without_feedback_all_is_empty_and_nothing_fails() -> None:
    none = statistics_of([])
    assert (none.ratings.count, none.ratings.mean) == (0, None)
    assert none.timeline.periods == none.labels == none.calibration.bins == ()
    assert none.label_accuracy.share is none.calibration.error is None
    assert none.confusion.labels == ()
    json.dumps(none.as_dict(), allow_nan=False)


def test_ratings_are_counted() -> None:
    ratings = statistics_of([said(rating=rating) for rating in (5, 5, 4, 1)]).ratings
    assert ratings.stars == (1, 0, 0, 1, 2)
    assert (ratings.count, ratings.mean) == (4, 3.75)


def test_the_interval_is_wilsons() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I, method 3.
    for confirmed, of, low, high in [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (29, 29, 1 - 0.1170, 1.0),
    ]:
        accuracy = accuracy_of(confirmed, of)
        assert accuracy.share == confirmed / of
        assert (accuracy.low, accuracy.high) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(0, 500), st.integers(1, 500))
def test_the_interval_holds_the_share_and_stays_within_all_and_nothing(right: int, of: int) -> None:
    accuracy = accuracy_of(min(right, of), of)
    assert accuracy.low is not None
    assert accuracy.share is not None
    assert accuracy.high is not None
    assert 0 <= accuracy.low <= accuracy.share <= accuracy.high <= 1
    assert accuracy.low < accuracy.high


def test_a_correction_that_is_the_answer_confirms_it() -> None:
    statistics = statistics_of(
        [
            *judged("a Cat", " A  cat "),
            *judged("a cat", "a dog"),
            *judged("caf\u00e9", "CAFE\u0301"),
            said(label="a cat"),  # rated, not judged
            said(corrected_label="a cat"),  # without a picture
            *judged("a cat", " \t"),
            said(caption="A cat.", corrected_caption="a CAT."),
            said(caption="A cat.", corrected_caption="A dog."),
            said(caption="", corrected_caption="A dog."),
        ]
    )
    assert (statistics.label_accuracy.confirmed, statistics.label_accuracy.judged) == (2, 3)
    assert (statistics.caption_accuracy.confirmed, statistics.caption_accuracy.judged) == (1, 2)


def test_labels_are_told_apart_by_what_they_say_most_frequent_first() -> None:
    statistics = statistics_of(
        [
            *(said(label="cat", rating=rating) for rating in (5, 4)),
            said(label="CAT ", rating=3, corrected_label="cat"),
            said(label="cat", rating=1, corrected_label="lynx"),
            said(label="dog", rating=2),
            said(rating=1),  # of no picture
        ]
    )
    cat, dog = statistics.labels
    assert (cat.name, cat.ratings.count, cat.ratings.mean) == ("cat", 4, 3.25)
    assert (cat.accuracy.confirmed, cat.accuracy.judged) == (1, 2)
    assert (dog.name, dog.ratings.count, dog.accuracy.share) == ("dog", 1, None)
    assert statistics.ratings.count == 6


def test_each_checkpoint_answers_for_what_it_does() -> None:
    both = {"classifier": "clip", "captioner": "blip", "caption": "A cat.", "label": "cat"}
    statistics = statistics_of(
        [
            said(**both, rating=5, corrected_label="cat", corrected_caption="A lynx."),
            said(**both, rating=4),
            said(classifier="siglip", label="dog", rating=1, corrected_label="cat"),
        ]
    )
    clip, siglip = statistics.classifiers
    [blip] = statistics.captioners
    assert [clip.name, siglip.name, blip.name] == ["clip", "siglip", "blip"]
    assert (clip.ratings.mean, siglip.ratings.mean, blip.ratings.mean) == (4.5, 1, 4.5)
    assert (clip.accuracy.share, siglip.accuracy.share, blip.accuracy.share) == (1, 0, 0)
    assert [each.accuracy.judged for each in (clip, siglip, blip)] == [1, 1, 1]


def test_revisions_of_a_checkpoint_are_told_apart() -> None:
    old, new = "82a37760796d32b1", "82a37769999999"  # alike in what is commonly shown of them
    statistics = statistics_of(
        [
            *[said(classifier="clip", classifier_revision=old, rating=5)] * 3,
            *[said(classifier="clip", classifier_revision=new, rating=1)] * 2,
            *[said(classifier="siglip", classifier_revision=old, rating=2)] * 4,
            said(captioner="blip", captioner_revision="c237dc49a33f", rating=4),
            *[said(captioner="blip", rating=3)] * 2,
        ]
    )
    shown = {each.name: (each.revision, each.ratings.mean) for each in statistics.classifiers}
    assert shown == {"siglip": (old, 2), f"clip@{old}": (old, 5), f"clip@{new}": (new, 1)}
    shown = {each.name: (each.revision, each.ratings.mean) for each in statistics.captioners}
    assert shown == {"blip": ("", 3), "blip@c237dc4": ("c237dc49a33f", 4)}


def test_of_too_many_names_the_rarest_go_together_and_no_count_is_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tallies, "_MOST_KEYS", 100)
    tally = Tally(most=10)
    for n in range(500):
        tally.add([("often", 5), (f"once {n}", 1), ("often", 1)])
        assert len(tally.counts) <= 100
    merged = tally.merged()
    assert merged["often", 5] == merged["often", 1] == 500
    assert merged[None, 1] > 300
    assert sum(merged.values()) == 1500


def test_names_nobody_could_list_are_one_group_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "_MOST_KEYS", 2_500)
    outlines = [said(label=f"label {n}", rating=2) for n in range(3_000)]
    statistics = statistics_of([*outlines, *[said(label="cat", rating=4)] * 1000])
    assert statistics.labels[0].name == "cat"
    assert statistics.labels[0].ratings.mean == 4
    assert statistics.labels[-1].name is None
    assert sum(group.ratings.count for group in statistics.labels) == 4_000


def test_json_has_it_all() -> None:
    outlines = [
        *judged("cat", "lynx", 0.9),
        said(label="\ud83d <b>", corrected_label="x", classifier="c"),
    ]
    told = json.loads(json.dumps(statistics_of(outlines).as_dict(), allow_nan=False))
    assert told["timeline"]["periods"][0]["start"] == "2026-11-23"
    assert told["timeline"]["unit"] == "day"
    assert told["label_accuracy"]["judged"] == 2
    assert {group["name"] for group in told["labels"]} == {"cat", "\ud83d <b>"}
    assert told["calibration"]["bins"][0]["accuracy"]["judged"] == 1
    assert len(told["confusion"]["counts"]) == 4


@given(st.lists(RECORDS, max_size=12), st.randoms())
def test_whatever_people_write_the_counts_are_those_of_a_simple_count(
    records: list[FeedbackRecord], chance: random.Random
) -> None:
    outlines = [outline_of(record) for record in records]
    statistics = statistics_of(outlines)
    chance.shuffle(outlines)
    assert statistics_of(outlines).confusion == statistics.confusion
    assert statistics_of(outlines).timeline == statistics.timeline
    assert statistics_of(outlines).labels == statistics.labels
    assert statistics.ratings.stars == simple_count(record.rating for record in records)
    periods = [period.ratings.count for period in statistics.timeline.periods]
    assert sum(periods) == len(records)
    labelled = [record for record in records if record.label.strip()]
    assert sum(group.ratings.count for group in statistics.labels) == len(labelled)
    corrected = [record for record in labelled if record.corrected_label.strip()]
    assert statistics.label_accuracy.judged == len(corrected)
    assert sum(map(sum, statistics.confusion.counts)) == len(corrected)
    error = statistics.calibration.error
    alone = [record for record in corrected if record.independent]
    assert statistics.calibration.independent == len(alone)
    assert (error is None) == (len(corrected) == len(alone))
    assert error is None or 0 <= error <= 1
    json.dumps(statistics.as_dict(), allow_nan=False)


def simple_count(ratings: Iterable[int]) -> tuple[int, ...]:
    counts = Counter(ratings)
    return tuple(counts[star] for star in range(1, 6))


@pytest.mark.parametrize("address", ["csv:{}/feedback.csv", "sqlite:///{}/feedback.db"])
def test_every_store_tells_the_same(address: str, tmp_path: Path) -> None:
    records = [
        FeedbackRecord(
            rating=1 + n % 5,
            time=MONDAY + timedelta(hours=n),
            predictions=(Prediction(f"label {n % 7}", n / 200),),
            corrected_label=f"LABEL {n % 3}" if n % 2 else "",
            caption="a cat",
            corrected_caption="A cat" if n % 4 else "a dog",
            classifier="clip",
            classifier_revision="old" if n < 90 else "new",
            captioner="blip",
            captioner_revision=f"{n % 3}",
            independent=n % 5 == 0,
        )
        for n in range(200)
    ]
    store = open_store_at(address.format(tmp_path))
    store.extend(records)
    assert statistics_of(store.outline()) == statistics_of(map(outline_of, records))
    store.close()
