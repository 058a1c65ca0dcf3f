"""What has come of the work on a page's pictures: answers and failures, a bounded number."""

from collections import OrderedDict
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

from imgcap.edits import Edit
from imgcap.inference import CaptionOptions, Captions, Classification, ClassifyOptions

KEPT_OUTCOMES = 16
"""Of one picture: enough to go back to recent questions without asking the models again."""

Step = Literal["classify", "caption"]


@dataclass(frozen=True)
class Job:
    """One step for one picture, with everything its answer depends on.

    Equal jobs have equal answers, so a job is also the key under which its answer is kept. `turn`
    is another one for every change of the adapter that answers beside the checkpoint.
    """

    step: Step
    checkpoint: str
    picture: str
    edits: tuple[Edit, ...] = ()
    labels: tuple[str, ...] = ()
    classify_options: ClassifyOptions | None = None
    caption_options: CaptionOptions | None = None
    turn: int = 0


Jobs = tuple[Job, ...]


def is_alike(jobs: Jobs, others: Jobs) -> bool:
    """Whether the engine can do both in one call: they ask the same of two pictures."""
    return len(jobs) == len(others) and all(
        job == replace(other, picture=job.picture, edits=job.edits)
        for job, other in zip(jobs, others, strict=True)
    )


Outcome = Classification | Captions | str
"""An answer, or the sentence why there is none."""


class Outcomes:
    """What has come of the jobs of the pictures that are here, the latest `KEPT_OUTCOMES` of each.

    Bounded for each picture by itself: what is wanted now is a few jobs a picture, and never goes.
    """

    def __init__(self) -> None:
        self._kept: dict[str, OrderedDict[Job, Outcome]] = {}

    def get(self, job: Job) -> Outcome | None:
        """Return what came of a job, and note that it is still wanted."""
        kept = self._kept.get(job.picture, OrderedDict())
        if job in kept:
            kept.move_to_end(job)
        return kept.get(job)

    def put(self, job: Job, outcome: Outcome) -> None:
        """Keep what came of a job; the outcome that was wanted longest ago may go.

        An answer is also that of the checkpoint that gave it, which may not be known before.
        """
        kept = self._kept.setdefault(job.picture, OrderedDict())
        for checkpoint in {job.checkpoint, getattr(outcome, "model", job.checkpoint)}:
            kept[replace(job, checkpoint=checkpoint)] = outcome
        while len(kept) > KEPT_OUTCOMES:
            kept.popitem(last=False)

    def keep_only(self, pictures: Collection[str]) -> None:
        """Forget all about other pictures."""
        self._kept = {key: kept for key, kept in self._kept.items() if key in pictures}

    def forget_failures(self) -> None:
        """Forget what failed, so that it can be tried again."""
        for kept in self._kept.values():
            for job in [job for job, outcome in kept.items() if isinstance(outcome, str)]:
                del kept[job]
