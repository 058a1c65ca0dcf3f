"""Whether a picture tower that was taught is better, on feedback that it did not learn from."""

import numpy as np
from numpy.typing import NDArray

from imgcap.feedback import Store
from imgcap.inference.adapter import Adapter
from imgcap.inference.embedder import Embedder
from imgcap.inference.events import Progress
from imgcap.learning.labels.evaluation import Evaluation, evaluate
from imgcap.learning.labels.gather import Gathered
from imgcap.learning.tower.opening import load_tower, opened
from imgcap.settings import Settings


def evaluate_tower(  # noqa: PLR0913, PLR0917  # what is measured, by what, and the hook
    adapter: Adapter,
    gathered: Gathered,
    new: NDArray[np.bool_],
    source: Store,
    settings: Settings,
    progress: Progress | None = None,
) -> Evaluation | None:
    """Measure an adapter with a tower of its own on examples that it did not learn from.

    Parameters
    ----------
    new : ndarray
        `(n,) bool`: those examples.
    source : Store
        Where the gathered feedback is.
    progress : callable, optional
        Told how many of their pictures it has looked at.

    Returns
    -------
    Evaluation or None
        None if the picture of no such example can be opened any more.

    Raises
    ------
    EngineError
        If the classifier runs elsewhere, or the adapter cannot be used.
    """
    examples = gathered.examples
    loaded = load_tower(settings, adapter.card.id)
    records = {each.id: each for each in source.get(examples.only(new).ids)}
    places = [place for place in np.flatnonzero(new) if examples.records[place] in records]
    images = opened((records[examples.records[place]] for place in places), settings)
    seen, there = examples.pictures.copy(), np.zeros_like(new)
    embedder = Embedder()
    for done, (place, image) in enumerate(zip(places, images, strict=True), start=1):
        if image is not None:
            seen[place] = embedder.pictures(loaded, [image])[0].numpy()
            there[place] = True
        if progress:
            progress(done, len(places))
    if not there.any():
        return None
    return evaluate(adapter.weights, examples, there, gathered.vocabulary, seen)
