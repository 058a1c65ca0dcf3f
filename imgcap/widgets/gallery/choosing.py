"""Choosing among a page's pictures; a module of its own, as its libraries take long to load."""

from collections.abc import Callable, Mapping
from io import BytesIO

from PIL import Image

from imgcap.inference import Classification, Engine
from imgcap.inference.events import Cancel
from imgcap.learning.embeddings import Seen, perceptual_hash
from imgcap.learning.known import known_pictures
from imgcap.learning.sampling import Candidate, choose
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState


def choose_pictures(
    state: AppState,
    engine: Engine,
    answers: Mapping[Shown, Classification],
    cancel: Cancel,
    tell: Callable[[int], object],
) -> dict[str, str]:
    """Return why each chosen picture by its id is worth a label, the worthiest first.

    Parameters
    ----------
    answers : mapping
        The engine's own, of the pictures to choose from; at least one.
    tell : callable
        Told how many pictures have been looked at.

    Raises
    ------
    EngineError, EditError, FeedbackError
        If a picture cannot be embedded, or feedback cannot be read.
    CancelledError
        Once `cancel` says so.
    """
    embeddings = state.embeddings
    for seen in embeddings.fetch(engine, tuple(answers), cancel):
        tell(seen)
    tell(len(answers))
    revision = next(iter(answers.values())).revision
    known = known_pictures(state.store.iterate(), engine, state.settings, revision, cancel)
    candidates = []
    for shown, answer in answers.items():
        vector = embeddings.get(engine, shown)
        if vector is not None:  # else it was removed meanwhile
            with Image.open(BytesIO(shown.thumbnail)) as image:
                look = Seen(vector, perceptual_hash(image))
            candidates.append(Candidate(shown.id, look, answer.predictions[:2]))
    choices = choose(candidates, known.ids, known.seen)
    return {each.candidate.id: each.reason for each in choices}
