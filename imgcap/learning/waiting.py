"""How much feedback there is that no adapter has learned from yet."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import astuple, dataclass
from operator import add
from uuid import UUID

from imgcap.feedback import FeedbackRecord
from imgcap.inference.label_weights import label_key
from imgcap.labels import LabelError, check_labels
from imgcap.learning.captions.cider import words


@dataclass(frozen=True)
class Waiting:
    """What people said of the answers of one classifier and one captioner.

    Parameters
    ----------
    corrected, confirmed : int
        Judged labels with a kept picture that no adapter learned from yet.
    learned : int
        Those that one did learn from.
    captions, learned_captions : int
        The same of corrected captions.
    without_picture : int
        Judged labels and corrected captions whose picture was not kept.
    """

    corrected: int = 0
    confirmed: int = 0
    learned: int = 0
    captions: int = 0
    learned_captions: int = 0
    without_picture: int = 0

    def __add__(self, other: "Waiting") -> "Waiting":
        """Return what people said of both."""
        return Waiting(*map(add, astuple(self), astuple(other)))


def waiting(
    records: Iterable[FeedbackRecord],
    classifier: str,
    captioner: str,
    learned: Mapping[str, Collection[UUID]],
) -> Waiting:
    """Count what waits; `learned` are the records that adapters of a checkpoint learned from."""
    counts: Counter[str] = Counter()
    for record in records:
        kinds = []
        if record.classifier == classifier and teaches(record):
            known = record.id in learned.get(classifier, ())
            kinds.append("learned" if known else "confirmed" if _is_right(record) else "corrected")
        if record.captioner == captioner and _corrects_caption(record):
            known = record.id in learned.get(captioner, ())
            kinds.append("learned_captions" if known else "captions")
        if kinds and not record.picture_file:
            kinds = ["without_picture"]
        counts.update(kinds)
    return Waiting(**counts)


def _is_right(record: FeedbackRecord) -> bool:
    return label_key(record.corrected_label) == label_key(record.label)


def _corrects_caption(record: FeedbackRecord) -> bool:
    said = words(record.corrected_caption)
    return bool(said) and said != words(record.caption)


def teaches(record: FeedbackRecord) -> bool:
    """Whether the right label is known, and was looked for among several that share a score."""
    if record.independent or not record.predictions:
        return False
    try:
        check_labels([record.corrected_label])
        return len(check_labels(record.labels)) > 1
    except LabelError:
        return False
