"""Which pictures feedback judged already, and how those look that were kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from imgcap.feedback import FeedbackRecord
from imgcap.inference import Engine
from imgcap.inference.calibration import calibration_file
from imgcap.inference.events import Cancel
from imgcap.learning.embeddings import Seen, picture_key, see
from imgcap.learning.waiting import teaches
from imgcap.settings import Settings


@dataclass(frozen=True)
class Known:
    """What was judged.

    Parameters
    ----------
    ids : frozenset of str
        The sha256 of every picture with a confirmed or corrected label, whoever had answered.
    seen : tuple of Seen
        Those that the engine's classifier can learn from.
    """

    ids: frozenset[str]
    seen: tuple[Seen, ...]


def known_pictures(
    records: Iterable[FeedbackRecord],
    engine: Engine,
    settings: Settings,
    revision: str,
    cancel: Cancel | None = None,
) -> Known:
    """Find out what was judged; `revision` is that of the engine's classifier.

    Raises
    ------
    ModelError, CancelledError
        As the engine does.
    FeedbackError
        If feedback cannot be read, or embeddings cannot be kept.
    """
    checkpoint = engine.models["classifier"].checkpoint
    base = revision.partition("+")[0]
    ids: set[str] = set()
    lessons: dict[str, FeedbackRecord] = {}
    for record in records:
        if record.corrected_label.strip():
            ids.add(record.picture_sha256)
        answered = record.classifier, record.classifier_revision.partition("+")[0]
        if answered == (checkpoint, base) and record.picture_file and teaches(record):
            lessons[picture_key(record)] = record
    with TemporaryDirectory() as folder:
        path = calibration_file(settings.adapters, checkpoint).with_suffix(".safetensors")
        if revision != base:  # what is kept there is of the checkpoint without an adapter
            path = Path(folder, path.name)
        seen = see(lessons.values(), engine, settings, path, base, cancel=cancel)
    return Known(frozenset(ids - {""}), tuple(seen.values()))
