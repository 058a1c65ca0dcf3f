import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord, record_of
from imgcap.feedback.ids import uuid7
from imgcap.feedback.record import MAX_COMMENT
from imgcap.inference.description import Description
from imgcap.inference.results import Caption, Captions, Classification, Prediction

LABELS = ("cat", "dog", "bird", "car", "boat", "tree", "food")
DESCRIPTION = Description(
    name="tom.jpg",
    sha256="ab" * 32,
    width=640,
    height=480,
    classification=Classification(
        tuple(Prediction(label, 0.4 - n / 20) for n, label in enumerate(LABELS)),
        independent=True,
        model="openai/clip-vit-base-patch32",
        ms=41.5,
        revision="c237dc4",
    ),
    captions=Captions((Caption("a cat on a mat", -0.2),), model="embedded", ms=120.0),
)


def test_a_rating_is_enough() -> None:
    before = datetime.now(UTC)
    record = FeedbackRecord(rating=4)
    assert before <= record.time <= datetime.now(UTC)
    assert record.time.tzinfo == UTC
    assert (record.comment, record.predictions, record.picture_width) == ("", (), None)


def test_a_record_holds_what_was_asked_answered_and_said() -> None:
    record = record_of(
        DESCRIPTION,
        rating=2,
        comment="It is a dog.",
        corrected_label="dog",
        edits=[{"rotate": 90}],
        templates=["a photo of {}"],
        session="s1",
    )
    assert (record.picture_name, record.picture_width, record.picture_height) == (
        "tom.jpg",
        640,
        480,
    )
    assert record.labels == LABELS
    assert record.predictions == DESCRIPTION.predictions[:5]
    assert record.label == "cat"
    assert record.independent
    assert record.caption == "a cat on a mat"
    assert (record.classifier, record.classifier_revision) == (
        "openai/clip-vit-base-patch32",
        "c237dc4",
    )
    assert (record.captioner, record.captioner_revision) == ("embedded", "")
    assert (record.classify_ms, record.caption_ms) == (41.5, 120.0)
    assert (record.comment, record.corrected_label, record.edits) == (
        "It is a dog.",
        "dog",
        ({"rotate": 90},),
    )


def test_the_order_of_the_labels_is_the_one_given() -> None:
    assert record_of(DESCRIPTION, rating=3, labels=LABELS[::-1]).labels == LABELS[::-1]


def test_feedback_without_a_picture_is_feedback() -> None:
    record = record_of(rating=5, comment="Nice page")
    assert (record.rating, record.comment, record.picture_sha256) == (5, "Nice page", "")


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({}, "The rating must be a whole number from 1 to 5."),
        ({"rating": 0}, "The rating must be a whole number from 1 to 5."),
        ({"rating": 6}, "The rating must be a whole number from 1 to 5."),
        ({"rating": 3.5}, "The rating must be a whole number from 1 to 5."),
        ({"rating": 3, "comment": "x" * (MAX_COMMENT + 1)}, "The comment has 1,048,577"),
        ({"rating": 3, "comment": 7}, "The comment must be text."),
        ({"rating": 3, "stars": 5}, "A feedback record has no field “stars”."),
        ({"rating": 3, "self": 5}, "A feedback record has no field “self”."),
        ({"rating": 3, "time": datetime(2026, 1, 1)}, "The time cannot be used"),  # noqa: DTZ001
        ({"rating": 3, "picture_sha256": "zz"}, "The picture sha256 cannot be used"),
        ({"rating": 3, "schema_version": 99}, "written by a newer version"),
        ({"rating": 3, "edits": ({"angle": float("nan")},)}, "The edits must hold finite numbers."),
        ({"rating": 3, "edits": ({"note": "x" * 100_000},)}, "The edits take more than 100,000"),
        ({"rating": 3, "labels": ["cat"] * 2_001}, "The labels cannot be used"),
        ({"rating": 3, "predictions": (Prediction("cat", 1.5),)}, "scores between 0 and 1"),
        ({"rating": 3, "predictions": (Prediction("c" * 1_001, 0.5),)}, "at most 1,000 characters"),
    ],
)
def test_a_bad_field_is_refused_with_one_sentence(fields: dict[str, object], sentence: str) -> None:
    with pytest.raises(FeedbackError) as refusal:
        FeedbackRecord(**fields)
    assert sentence in str(refusal.value)
    assert str(refusal.value).endswith(".")
    assert "\n" not in str(refusal.value)


def test_a_comment_of_a_megabyte_and_half_an_emoji_is_taken_as_typed() -> None:
    comment = "\ud83d" + "😀" * (MAX_COMMENT - 1)
    assert FeedbackRecord(rating=1, comment=comment).comment == comment


def test_a_record_cannot_be_changed() -> None:
    record = FeedbackRecord(rating=1)
    with pytest.raises(ValueError, match="frozen"):
        record.rating = 5  # type: ignore[misc]


def test_a_time_is_kept_in_utc() -> None:
    noon = datetime(2026, 5, 1, 12, tzinfo=timezone(timedelta(hours=2)))
    record = FeedbackRecord(rating=1, time=noon)
    assert record.time == noon
    assert record.time.isoformat() == "2026-05-01T10:00:00+00:00"


def test_a_record_survives_json() -> None:
    record = record_of(
        DESCRIPTION, rating=2, comment="=1+1\nüñí 😀", edits=[{"crop": [1, 2, 3, 4]}]
    )
    assert FeedbackRecord.model_validate_json(record.model_dump_json()) == record


def test_ids_are_version_7_of_this_millisecond() -> None:
    earliest, made, latest = time.time_ns() // 10**6, uuid7(), time.time_ns() // 10**6
    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert earliest <= made.int >> 80 <= latest


def test_ids_rise_within_a_process_and_never_meet() -> None:
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: [uuid7() for _ in range(5_000)], range(4)))
    assert all(run == sorted(run) for run in runs)
    assert len({each for run in runs for each in run}) == 20_000
