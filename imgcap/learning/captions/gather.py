"""From feedback records to captions that can be learned: which are right, of which pictures."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference.calibration import calibration_file
from imgcap.inference.embedder import check
from imgcap.inference.events import Cancel, Progress
from imgcap.learning.captions.cider import words
from imgcap.learning.captions.examples import CaptionExamples
from imgcap.learning.captions.writer import Writer
from imgcap.learning.embeddings import perceptual_hash, picture_key
from imgcap.learning.groups import divide
from imgcap.learning.kept import reopened
from imgcap.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

GOOD: Final = 4
"""From this rating on, a caption that nobody corrected counts as a good one."""
MOST: Final = 500
"""So many judged captions are learned from, the newest: encoded pictures take memory."""


@dataclass(frozen=True)
class JudgedCaption:
    """A record that says what its caption should be."""

    record: FeedbackRecord
    target: str
    corrected: bool


@dataclass(frozen=True)
class GatheredCaptions:
    """What feedback has to teach one captioner.

    Parameters
    ----------
    writer : Writer
        The captioner.
    examples : CaptionExamples
    judged : int
        How many records say what their caption should be, with a picture or without.
    """

    writer: Writer
    examples: CaptionExamples
    judged: int


def judged_caption(record: FeedbackRecord) -> JudgedCaption | None:
    """Return what a record says of its caption; None if it does not say what it should be.

    A rating is of labels and caption together: whoever gives a good one without correcting the
    caption is taken to find it good.
    """
    said = " ".join(record.corrected_caption.split())
    if words(said):
        return JudgedCaption(record, said, words(said) != words(record.caption))
    if record.rating >= GOOD and words(record.caption):
        return JudgedCaption(record, record.caption, corrected=False)
    return None


def gather_captions(
    records: Iterable[FeedbackRecord],
    writer: Writer,
    settings: Settings,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> GatheredCaptions:
    """Make examples of all records of a captioner in its present revision.

    Captions that an adapter wrote count as well: the right one is what people say it is. Of a
    picture that was judged several times, the newest judgement counts.

    Raises
    ------
    CancelledError
        If `cancel` said so; it is asked before each picture.
    FeedbackError
        If the division into parts cannot be kept.
    """
    judged = 0
    newest: dict[str, JudgedCaption] = {}
    for record in records:
        commit = record.captioner_revision.partition("+")[0]
        found = judged_caption(record)
        if found is None or (record.captioner, commit) != (writer.checkpoint, writer.commit):
            continue
        judged += 1
        key = picture_key(record)
        if record.picture_file and (key not in newest or record.time > newest[key].record.time):
            newest[key] = found
    chosen = sorted(newest.values(), key=lambda each: each.record.time)[-MOST:]
    used: list[JudgedCaption] = []
    pictures: list[Tensor] = []
    hashes: list[np.uint64] = []
    for each, encoded, hashed in _encoded(chosen, writer, settings, progress, cancel):
        used.append(each)
        pictures.append(encoded)
        hashes.append(hashed)
    return GatheredCaptions(writer, _examples(used, pictures, hashes, writer, settings), judged)


def _encoded(
    chosen: Sequence[JudgedCaption],
    writer: Writer,
    settings: Settings,
    progress: Progress | None,
    cancel: Cancel | None,
) -> "Iterator[tuple[JudgedCaption, Tensor, np.uint64]]":
    """Yield pictures as the decoder reads them; those that are gone or damaged are left out."""
    folder = PictureFolder(settings.pictures)
    for done, each in enumerate(chosen):
        check(cancel)
        if found := reopened(each.record, folder, settings):
            kept, image = found
            [encoded] = writer.encode([image])
            yield each, encoded, perceptual_hash(kept)
        if progress:
            progress(done + 1, len(chosen))


def _examples(
    judged: Sequence[JudgedCaption],
    pictures: "Sequence[Tensor]",
    hashes: Sequence[np.uint64],
    writer: Writer,
    settings: Settings,
) -> CaptionExamples:
    names = [each.record.picture_sha256 or each.record.picture_file for each in judged]
    sessions = [each.record.session for each in judged]
    place = calibration_file(settings.adapters, writer.checkpoint).with_suffix(".folds.json")
    groups, folds = divide(names, np.array(hashes, np.uint64), sessions, place)
    return CaptionExamples(
        pictures,
        tuple(each.target for each in judged),
        np.array([each.corrected for each in judged], bool),
        groups,
        folds,
        tuple(each.record.id for each in judged),
    )
