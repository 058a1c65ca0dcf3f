"""From feedback records to examples: whose label is known and whose picture was kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from imgcap.feedback import FeedbackRecord
from imgcap.inference import ClassifyOptions, Engine
from imgcap.inference.calibration import calibration_file, usable_calibration
from imgcap.inference.events import Cancel, Progress
from imgcap.inference.label_weights import Floats, label_key
from imgcap.labels import DEFAULT_TEMPLATES, ENSEMBLE_TEMPLATES, prompts
from imgcap.learning.embeddings import Seen, picture_key, see
from imgcap.learning.groups import divide
from imgcap.learning.labels.examples import Examples, Vocabulary
from imgcap.learning.waiting import teaches
from imgcap.settings import Settings

_RULER: Final = ("a red thing", "a loud noise", "the number seven", "water at night")
"""Any texts that no adapter changes: their scores show by what the checkpoint multiplies."""


@dataclass(frozen=True)
class Gathered:
    """What feedback has to teach one checkpoint.

    Parameters
    ----------
    checkpoint, revision : str
    examples : Examples
    vocabulary : Vocabulary
    judged : int
        How many records have a known label, with a picture or without.
    """

    checkpoint: str
    revision: str
    examples: Examples
    vocabulary: Vocabulary
    judged: int


def gather(
    records: Iterable[FeedbackRecord],
    engine: Engine,
    settings: Settings,
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> Gathered:
    """Make examples of all records of the engine's classifier in its present revision.

    Those that an adapter answered count as well: the right label is what people say it is. Of a
    picture that was judged several times, the newest judgement counts. `progress` is told how many
    of the pictures that nobody embedded before are embedded.

    Raises
    ------
    ModelError, CancelledError
        As the engine does.
    FeedbackError
        If embeddings or the division into parts cannot be kept.
    """
    checkpoint = engine.models["classifier"].checkpoint
    scale, revision = logit_scale(engine, cancel)
    place = calibration_file(settings.adapters, checkpoint)
    judged = 0
    newest: dict[str, FeedbackRecord] = {}
    confidences: list[float] = []
    for record in records:
        answered = record.classifier_revision.partition("+")[0]
        if (record.classifier, answered) != (checkpoint, revision) or record.independent:
            continue
        if record.predictions and len(record.labels) > 1:
            confidences.append(record.predictions[0].score)
        if not teaches(record):
            continue
        judged += 1
        key = picture_key(record)
        if record.picture_file and (key not in newest or record.time > newest[key].time):
            newest[key] = record
    seen = see(
        newest.values(),
        engine,
        settings,
        place.with_suffix(".safetensors"),
        revision,
        cancel=cancel,
        progress=progress,
    )
    used = [record for key, record in newest.items() if key in seen]
    labels = _labels(used)
    calibration = usable_calibration(settings.calibration, checkpoint, revision)
    vocabulary = Vocabulary(
        labels,
        label_embeddings(engine, labels, DEFAULT_TEMPLATES, cancel),
        label_embeddings(engine, labels, ENSEMBLE_TEMPLATES, cancel),
        scale,
        calibration.temperature,
        float(1 - np.mean(confidences)) if confidences else None,
    )
    examples = _examples(used, [seen[picture_key(each)] for each in used], vocabulary, place)
    return Gathered(checkpoint, revision, examples, vocabulary, judged)


def _labels(records: Sequence[FeedbackRecord]) -> tuple[str, ...]:
    """Return every label once, as it was first spelled among the candidates."""
    found: dict[str, str] = {}
    for record in records:
        for label in record.labels:
            found.setdefault(label_key(label), label)
    for record in records:
        found.setdefault(label_key(record.corrected_label), record.corrected_label.strip())
    return tuple(found.values())


def _examples(
    records: Sequence[FeedbackRecord], seen: Sequence[Seen], vocabulary: Vocabulary, place: Path
) -> Examples:
    places = {label_key(label): number for number, label in enumerate(vocabulary.labels)}
    right = np.array([places[label_key(each.corrected_label)] for each in records], np.int64)
    asked = np.zeros((len(records), len(places)), bool)
    for row, record in enumerate(records):
        asked[row, [places[label_key(label)] for label in record.labels]] = True
    # Who writes a label of their own will want it among the candidates, for every picture.
    asked[:, right[~asked[np.arange(len(records)), right]]] = True
    pictures = [record.picture_sha256 or record.picture_file for record in records]
    hashes = np.array([each.hash for each in seen], np.uint64)
    sessions = [record.session for record in records]
    groups, folds = divide(pictures, hashes, sessions, place.with_suffix(".folds.json"))
    return Examples(
        np.stack([each.embedding for each in seen]) if seen else np.zeros((0, 0), np.float32),
        right,
        asked,
        np.array(
            [label_key(each.corrected_label) != label_key(each.label) for each in records], bool
        ),
        groups,
        folds,
        np.array([each.id for each in records], object),
    )


def label_embeddings(
    engine: Engine, labels: Sequence[str], templates: Sequence[str], cancel: Cancel | None = None
) -> Floats:
    """Return `(n_labels, dim) float32`: the mean of each label's prompts, of length 1."""
    if not labels:
        return np.zeros((0, 0), np.float32)
    filled = [prompts(label, templates) for label in labels]
    wanted = list(dict.fromkeys(prompt for row in filled for prompt in row))
    known = dict(zip(wanted, engine.embed_texts(wanted, cancel=cancel), strict=True))
    means = [np.mean([known[prompt] for prompt in row], axis=0) for row in filled]
    rows = np.array(means, np.float32)
    unit: Floats = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return unit


def logit_scale(engine: Engine, cancel: Cancel | None = None) -> tuple[float, str]:
    """Read off an answer by what the checkpoint multiplies cosines; and return its revision."""
    image = Image.new("RGB", (224, 224), (120, 120, 120))
    options = ClassifyOptions(templates=("{}",))
    [answer] = engine.classify([image], _RULER, options, cancel=cancel)
    scores = {each.label: each.score for each in answer.predictions}
    logits = answer.temperature * np.log([scores[text] for text in _RULER])
    [cosines] = engine.embed([image], cancel=cancel) @ engine.embed_texts(_RULER).T
    slope = float(np.cov(logits, cosines)[0, 1] / np.var(cosines, ddof=1))
    return slope, answer.revision.partition("+")[0]
