"""Learning a checkpoint's calibration from the feedback on it, and keeping it."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from imgcap.edits import EditError
from imgcap.feedback import FeedbackError, FeedbackRecord
from imgcap.feedback.files import explained, whole_file
from imgcap.feedback.pictures import PictureFolder
from imgcap.images import PictureError
from imgcap.inference import Classification, ClassifyOptions, Engine, EngineError
from imgcap.inference.calibration import Calibration, calibration_file
from imgcap.labels import DEFAULT_TEMPLATES, LabelError
from imgcap.learning.confidence.calibration import Fit, fit_temperature, fit_threshold
from imgcap.learning.confidence.judged import Judged, Rescore, judged_answers
from imgcap.learning.kept import edited, kept_image
from imgcap.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Outcome:
    """What feedback taught.

    Parameters
    ----------
    calibration : Calibration
        What may be used from now on: what was surely better, and the rest as it was.
    temperature, threshold : Fit
        What was found out about each.
    judged : int
        How many judged answers there were.
    """

    calibration: Calibration
    temperature: Fit
    threshold: Fit
    judged: int

    @property
    def adopted(self) -> bool:
        """Whether anything changes."""
        return self.temperature.adopted or self.threshold.adopted


def learn_calibration(
    records: Iterable[FeedbackRecord], present: Calibration, rescore: Rescore
) -> Outcome:
    """Fit temperature and threshold to all judged answers of a checkpoint."""
    answers: list[Judged] = []
    ids: list[str] = []
    for record, judged in judged_answers(records, present, rescore):
        answers.append(judged)
        ids.append(str(record.id))
    temperature = fit_temperature(answers, present.temperature)
    adopted: dict[str, object] = {}
    value = present.temperature
    now = datetime.now(UTC)
    if temperature.adopted and temperature.value and temperature.before and temperature.after:
        value = temperature.value
        adopted |= {
            "temperature": value,
            "nll_before": temperature.before.nll,
            "nll_after": temperature.after.nll,
            "ece_before": temperature.before.ece,
            "ece_after": temperature.after.ece,
            "history": (*present.history, (now, value)),
        }
    threshold = fit_threshold(answers, value, present.none_threshold)
    if threshold.adopted and threshold.value is not None:
        adopted["none_threshold"] = threshold.value
    if adopted:
        digest = hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()
        adopted |= {"judged": len(answers), "time": now, "records": digest}
    return Outcome(present.model_copy(update=adopted), temperature, threshold, len(answers))


def forgotten(present: Calibration) -> Calibration:
    """Return the calibration of a checkpoint that nothing was learned of; its history stays."""
    history = present.history and (*present.history, (datetime.now(UTC), 1.0))
    return Calibration(
        checkpoint=present.checkpoint, revision=present.revision, history=history or ()
    )


def keep_calibration(folder: Path, calibration: Calibration) -> None:
    """Keep a calibration, so that every next answer of its checkpoint follows it.

    Raises
    ------
    FeedbackError
        If it cannot be written; what was kept before is still there then.
    """
    adapter = calibration.revision.partition("+")[2]
    path = calibration_file(folder, calibration.checkpoint, adapter)
    with explained("The calibration could not be kept", path):
        folder.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(calibration.model_dump_json(indent=2).encode() + b"\n")


def rescoring(engine: Engine, settings: Settings) -> Rescore:
    """Return a function that scores kept pictures again, edited as they were."""
    folder = PictureFolder(settings.pictures)

    def rescore(record: FeedbackRecord) -> Classification | None:
        try:
            image = edited(record, kept_image(record, folder, settings), settings)
            options = ClassifyOptions(templates=record.templates or DEFAULT_TEMPLATES)
            [answer] = engine.classify([image], record.labels, options)
        except (FeedbackError, PictureError, EditError, EngineError, LabelError) as error:
            logger.info("A kept picture is not scored again: %s", error)
            return None
        current = (answer.model, answer.revision)
        return answer if current == (record.classifier, record.classifier_revision) else None

    return rescore
