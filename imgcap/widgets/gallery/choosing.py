"""Choosing among a page's pictures; a module of its own, as its libraries take long to load."""

from collections.abc import Callable
from io import BytesIO

from PIL import Image

from imgcap.inference.events import Cancel
from imgcap.learning.embeddings import Seen, perceptual_hash
from imgcap.learning.known import known_pictures
from imgcap.learning.sampling import Candidate, choose
from imgcap.widgets.gallery.teacher import Lesson
from imgcap.widgets.state import AppState


def choose_pictures(
    state: AppState, lesson: Lesson, cancel: Cancel, tell: Callable[[int], object]
) -> dict[str, str]:
    """Return why each chosen picture by its id is worth a label, the worthiest first.

    Parameters
    ----------
    tell : callable
        Told how many pictures have been looked at.

    Raises
    ------
    EngineError, EditError, FeedbackError
        If a picture cannot be embedded, or feedback cannot be read.
    CancelledError
        Once `cancel` says so.
    """
    engine, embeddings = lesson.engine, state.embeddings
    for seen in embeddings.fetch(engine, tuple(lesson.answers), cancel):
        tell(seen)
    tell(len(lesson.answers))
    revision = next(iter(lesson.answers.values())).revision
    known = known_pictures(state.store.iterate(), engine, state.settings, revision, cancel)
    candidates = []
    for shown, answer in lesson.answers.items():
        vector = embeddings.get(engine, shown)
        if vector is not None:  # else it was removed meanwhile
            with Image.open(BytesIO(shown.thumbnail)) as image:
                look = Seen(vector, perceptual_hash(image))
            candidates.append(Candidate(shown.id, look, answer.predictions[:2]))
    choices = choose(candidates, known.ids, known.seen)
    return {each.candidate.id: each.reason for each in choices}
