"""What the engine is asked for a page's jobs, and which answer is whose."""

from collections.abc import Callable

from imgcap.inference import CancelledError, Captions, Classification, Engine
from imgcap.inference.events import Cancel, Words
from imgcap.widgets.outcomes import Job, Jobs
from imgcap.widgets.shelf import Shelf

Keep = Callable[[Job, Classification | Captions], None]
"""Told the answer to a job."""


def ask(  # noqa: PLR0913  # what and how, and the hooks
    engine: Engine, shelf: Shelf, jobs: Jobs, keep: Keep, *, cancel: Cancel, hear: Words
) -> None:
    """Have jobs done in one call.

    Parameters
    ----------
    jobs : tuple of Job
        The same steps for one picture or for several that are alike: first those for labels, then
        those for captions, each in the order of the pictures.
    keep : callable
        Told of each answer, of labels before the caption is there; maybe from another thread.
    cancel : callable
        Asked between all steps.
    hear : callable
        Told the words of a single picture's caption while it is written.

    Raises
    ------
    CancelledError
        If `cancel` said so.
    Exception
        What the shelf and the engine raise.
    """
    pictures = []
    for about in dict.fromkeys((job.picture, job.edits) for job in jobs):
        if cancel():
            raise CancelledError
        pictures.append(shelf.open(*about))
    first, last = jobs[0], jobs[-1]
    described = engine.describe_all(
        pictures,
        first.labels if first.step == "classify" else None,
        last.caption_options,
        first.classify_options,
        with_caption=last.step == "caption",
        cancel=cancel,
        on_classified=lambda place, answer: keep(jobs[place], answer),
        on_words=hear,
    )
    for job, description in zip(jobs[-len(pictures) :], described, strict=True):
        if description.captions:
            keep(job, description.captions)
