from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import ClassifyOptions, Prediction, open_engine
from imgcap.inference.calibration import Calibration, stored_calibration
from imgcap.learning.confidence.calibrate import keep_calibration, learn_calibration, rescoring
from imgcap.learning.confidence.calibration import LEAST_JUDGED, fit_temperature, fit_threshold
from imgcap.learning.confidence.judged import Judged, judged_answers
from imgcap.settings import Settings
from tests.judged_answers import LABELS, NAME, SAMPLES, TRUE, overconfident, record_of

FRESH = Calibration(checkpoint=NAME)
NEVER = lambda _: None  # noqa: E731


def none_fitting(count: int, seed: int = 0) -> list[Judged]:
    rng = np.random.default_rng(seed)
    return [Judged(np.sort(rng.normal(0, 0.9, 7))[::-1], (), f"none {n}") for n in range(count)]


def test_the_temperature_that_answers_were_drawn_at_is_found_and_adopted() -> None:
    fit = fit_temperature(overconfident(400), 1.0)
    assert fit.adopted
    assert fit.value == pytest.approx(TRUE, rel=0.15)
    assert fit.before
    assert fit.after
    assert fit.after.nll < fit.before.nll
    assert fit.after.ece < fit.before.ece / 2


def test_a_temperature_that_is_right_already_stays() -> None:
    fit = fit_temperature(overconfident(400), TRUE)
    assert not fit.adopted
    assert fit.sentence.startswith("Not enough evidence yet")


def test_labels_that_were_shuffled_never_make_it_surer() -> None:
    rng = np.random.default_rng(1)
    shuffled = [
        Judged(each.logs, (int(rng.integers(7)),), each.group) for each in overconfident(200)
    ]
    fit = fit_temperature(shuffled, 1.0)
    assert fit.value is not None
    assert fit.value > 6


@pytest.mark.parametrize(
    ("answers", "sentence"),
    [
        ([], f"{LEAST_JUDGED} more judged labels are needed."),
        (overconfident(LEAST_JUDGED - 1), "1 more judged label is needed."),
        ([Judged(each.logs, (0,), each.group) for each in overconfident(40)], "5 more corrected"),
        ([Judged(each.logs, (1,), each.group) for each in overconfident(40)], "were right"),
        ([Judged(each.logs, each.right, "one") for each in overconfident(40)], "9 more judged pic"),
    ],
)
def test_too_little_evidence_is_said_and_changes_nothing(
    answers: list[Judged], sentence: str
) -> None:
    fit = fit_temperature(answers, 1.0)
    assert not fit.adopted
    assert fit.value is None
    assert sentence in fit.sentence
    assert fit.sentence.startswith("Not enough evidence yet: ")


def test_a_picture_that_was_judged_often_counts_as_one_when_it_is_about_evidence() -> None:
    few = overconfident(12)
    often = [Judged(each.logs, each.right, each.group) for each in few for _ in range(30)]
    once, again = fit_temperature(few * 3, 1.0), fit_temperature(often, 1.0)
    assert once.gain
    assert again.gain
    assert again.gain.high - again.gain.low == pytest.approx(once.gain.high - once.gain.low)


def test_the_threshold_tells_pictures_of_nothing_from_the_others() -> None:
    sure = [each for each in overconfident(80) if each.confidence(1.0) > 0.8]
    answers = [*sure, *none_fitting(40)]
    fit = fit_threshold(answers, 1.0, 0.1)
    assert fit.adopted
    assert fit.value is not None
    assert 0.3 < fit.value < 0.9
    lacking = fit_threshold(sure, 1.0, 0.1)
    assert "10 more judged pictures are needed with a label of your own" in lacking.sentence


def test_what_a_record_does_not_keep_is_spread_evenly() -> None:
    judged = overconfident(50)
    for exact, (_, read) in zip(
        judged, judged_answers(map(record_of, judged), FRESH, NEVER), strict=True
    ):
        scores, known = np.exp(read.scores(1.0)), np.exp(exact.scores(1.0))
        assert scores.sum() == pytest.approx(1)
        assert scores[:5] == pytest.approx(known[:5])
        assert scores[5:] == pytest.approx(np.full(2, known[5:].mean()), abs=1e-9)
        assert read.right == (exact.right if exact.right[0] < 5 else (5, 6))


def test_only_judged_answers_of_the_checkpoint_that_shared_one_among_labels_count() -> None:
    right = record_of(overconfident(1)[0])
    others = [
        right.model_copy(update=change)
        for change in (
            {"corrected_label": " "},
            {"independent": True},
            {"classifier": "another"},
            {"classifier_revision": "another"},
            {"predictions": ()},
            {"labels": ("one",)},
        )
    ]
    assert [record.id for record, _ in judged_answers([*others, right], FRESH, NEVER)] == [right.id]
    own = right.model_copy(update={"corrected_label": "a whale"})
    [(_, judged)] = judged_answers([own], FRESH, NEVER)
    assert judged.right == ()


def test_the_temperature_at_which_a_score_was_made_is_undone() -> None:
    now = datetime.now(UTC)
    calibration = FRESH.model_copy(
        update={"temperature": 2.0, "history": ((now - timedelta(days=1), 2.0),)}
    )
    [exact] = overconfident(1)
    cooled = Judged(exact.logs / 2, exact.right, "")
    records = [
        record_of(exact, time=now - timedelta(days=2)),
        record_of(cooled, time=now),
    ]
    for _, judged in judged_answers(records, calibration, NEVER):
        assert judged.logs[:5] - judged.logs[0] == pytest.approx(exact.logs[:5] - exact.logs[0])


def test_kept_pictures_are_scored_again_as_they_were_edited(settings: Settings) -> None:
    kept = PictureFolder(settings.pictures).keep((SAMPLES / "cat.jpg").read_bytes())
    engine = open_engine(settings)
    record = FeedbackRecord(
        rating=5,
        labels=LABELS,
        predictions=(Prediction("a cat", 0.5),),
        corrected_label="a cat",
        classifier=NAME,
        picture_file=kept,
        templates=("a drawing of {}",),
        edits=({"edit": "turn", "quarters": 1},),
    )
    [(_, judged)] = judged_answers([record], FRESH, rescoring(engine, settings))
    with Image.open(SAMPLES / "cat.jpg") as image:
        turned = image.convert("RGB").transpose(Image.Transpose.ROTATE_270)
    [fresh] = engine.classify([turned], LABELS, ClassifyOptions(("a drawing of {}",)))
    assert np.exp(judged.scores(1.0)) == pytest.approx(
        [p.score for p in fresh.predictions], rel=1e-3
    )
    bad = record.model_copy(update={"edits": ({"edit": "?"},)})
    gone = record.model_copy(update={"picture_file": "0" * 64})
    for each in (bad, gone):
        [(_, judged)] = judged_answers([each], FRESH, rescoring(engine, settings))
        assert judged.confidence(1.0) == pytest.approx(0.5), "as it was stored"


def test_a_revision_has_a_calibration_of_its_own(tmp_path: Path) -> None:
    name = "../../some where/model"
    keep_calibration(tmp_path, Calibration(checkpoint=name, revision="a", temperature=2.0))
    assert [path.parent for path in tmp_path.rglob("*.json")] == [tmp_path]
    assert stored_calibration(tmp_path, name, "a").temperature == 2.0
    assert stored_calibration(tmp_path, name, "b").temperature == 1.0
    assert stored_calibration(tmp_path, "other", "a").temperature == 1.0


def test_an_adapter_gets_no_calibration_of_the_checkpoint_and_takes_none_away(
    tmp_path: Path,
) -> None:
    taught = "a+probe-20261123-120000-0123ab"
    keep_calibration(tmp_path, Calibration(checkpoint=NAME, revision="a", temperature=2.0))
    assert stored_calibration(tmp_path, NAME, taught).temperature == 1.0
    keep_calibration(tmp_path, Calibration(checkpoint=NAME, revision=taught, temperature=0.5))
    assert stored_calibration(tmp_path, NAME, taught).temperature == 0.5
    assert stored_calibration(tmp_path, NAME, "a").temperature == 2.0, "once it is taken back"
    outside = Calibration(checkpoint=NAME, revision="a+../../x", temperature=3.0)
    keep_calibration(tmp_path / "in", outside)
    assert [path.parent.name for path in tmp_path.rglob("*x.json")] == ["in"]


def test_learning_twice_from_the_same_changes_nothing_more() -> None:
    records = [
        record_of(each, time=datetime(2026, 1, 1, tzinfo=UTC)) for each in overconfident(200)
    ]
    first = learn_calibration(records, FRESH, NEVER)
    assert first.adopted
    second = learn_calibration(records, first.calibration, NEVER)
    assert not second.temperature.adopted
    assert second.calibration == first.calibration
