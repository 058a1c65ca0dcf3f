"""How much feedback there is that no adapter has learned from yet."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from imgcap.feedback import FeedbackRecord
from imgcap.inference.adapter import label_key
from imgcap.labels import LabelError, check_labels


@dataclass(frozen=True)
class Waiting:
    """What people said of the labels of one checkpoint.

    Parameters
    ----------
    corrected, confirmed : int
        Judged labels with a kept picture that no adapter learned from yet.
    learned : int
        Those that one did learn from.
    without_picture : int
        Judged labels whose picture was not kept.
    """

    corrected: int = 0
    confirmed: int = 0
    learned: int = 0
    without_picture: int = 0

    @property
    def new(self) -> int:
        """How many wait."""
        return self.corrected + self.confirmed


def waiting(
    records: Iterable[FeedbackRecord], checkpoint: str, learned: Collection[UUID]
) -> Waiting:
    """Count what waits for a checkpoint; `learned` are the records that adapters learned from."""
    corrected = confirmed = known = without = 0
    for record in records:
        if record.classifier != checkpoint or not teaches(record):
            continue
        if not record.picture_file:
            without += 1
        elif record.id in learned:
            known += 1
        elif label_key(record.corrected_label) == label_key(record.label):
            confirmed += 1
        else:
            corrected += 1
    return Waiting(corrected, confirmed, known, without)


def teaches(record: FeedbackRecord) -> bool:
    """Whether the right label is known, and was looked for among several that share a score."""
    if record.independent or not record.predictions:
        return False
    try:
        check_labels([record.corrected_label])
        return len(check_labels(record.labels)) > 1
    except LabelError:
        return False
