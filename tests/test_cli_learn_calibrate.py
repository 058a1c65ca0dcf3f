import logging

import numpy as np
import pytest
from PIL import Image

from imgcap.feedback import open_store
from imgcap.inference import open_engine
from imgcap.inference.calibration import calibration_file, stored_calibration
from imgcap.learning.confidence.judged import Judged
from imgcap.learning.registry import adopt, rollback
from imgcap.settings import Settings
from tests.judged_answers import LABELS, NAME, SAMPLES, overconfident, record_of
from tests.kept_probes import kept_probe
from tests.learn_cli import run


def test_the_command_learns_keeps_shows_and_forgets(settings: Settings) -> None:
    assert "30 more judged labels are needed" in run("calibrate")
    open_store(settings).extend(map(record_of, overconfident(200)))
    file = calibration_file(settings.calibration, NAME)
    assert "--dry-run" in run("calibrate", "--dry-run")
    assert not file.exists()
    said = run("calibrate")
    assert "fits 200 judged labels better" in said
    assert "95 % interval +" in said
    kept = stored_calibration(settings.calibration, NAME)
    assert 1.8 < kept.temperature < 3.4
    assert kept.judged == 200
    assert len(kept.records) == 64
    assert f"temperature {kept.temperature:.2f}" in run("calibrate", "--show")
    assert [path.name for path in file.parent.iterdir()] == [file.name]

    with Image.open(SAMPLES / "cat.jpg") as image:
        picture = image.convert("RGB")
    [warm] = open_engine(settings).classify([picture], LABELS)
    assert warm.temperature == kept.temperature
    assert "as the model gives them" in run("calibrate", "--forget")
    [cold] = open_engine(settings).classify([picture], LABELS)
    assert (cold.temperature, warm.predictions[0].label) == (1.0, cold.predictions[0].label)
    expected = Judged(np.log([each.score for each in cold.predictions]), (0,), "")
    got = [each.score for each in warm.predictions]
    assert got == pytest.approx(np.exp(expected.scores(kept.temperature)).tolist(), rel=1e-4)


def test_what_is_shown_holds_for_what_answers_now(settings: Settings) -> None:
    card = kept_probe(settings.adapters, NAME)
    adopt(settings.adapters, card.id)
    store = open_store(settings)
    store.extend(record_of(each) for each in overconfident(200))
    with_it = f"{NAME} with {card.id}"
    assert f"{with_it}: scores as the model gives them" in run("calibrate", "--show")
    taught = [record_of(each, classifier_revision=f"+{card.id}") for each in overconfident(200, 1)]
    store.extend(taught)
    assert f"{with_it}: temperature" in run("calibrate")
    assert f"{with_it}: temperature" in run("calibrate", "--show")
    rollback(settings.adapters, NAME)
    assert f"{NAME}: scores as the model gives them" in run("calibrate", "--show")
    assert f"{NAME}: temperature" in run("calibrate"), "of the answers from before it was adopted"
    assert f"{NAME}: temperature" in run("calibrate", "--show")


def test_a_damaged_calibration_is_a_sentence_a_log_line_and_no_temperature(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    file = calibration_file(settings.calibration, NAME)
    file.parent.mkdir()
    file.write_text('{"checkpoint": "x", "temperature": 1e9}')
    assert "is damaged or of a newer version" in run("calibrate", "--show", status=1)
    with Image.open(SAMPLES / "cat.jpg") as image, caplog.at_level(logging.WARNING):
        [answer] = open_engine(settings).classify([image.convert("RGB")], LABELS)
    assert answer.temperature == 1.0
    assert "is damaged" in caplog.text
    assert "as the model gives them" in run("calibrate", "--forget")
    assert "as the model gives them" in run("calibrate", "--show")
