"""Making an adapter of the picture tower of all feedback, with what it is worth written on it."""

from pathlib import Path
from typing import Final

import numpy as np

from imgcap.feedback import Store
from imgcap.inference.adapter import Adapter
from imgcap.inference.events import Cancel, Progress
from imgcap.learning.labels.gate import Verdict
from imgcap.learning.labels.gather import Gathered
from imgcap.learning.labels.learn import card_of, nothing_in
from imgcap.learning.tower.fitting import fit_tower
from imgcap.learning.tower.opening import load_tower, opened
from imgcap.settings import Settings

MOST: Final = 500
"""So many judged pictures are learned from, the newest: each takes a second of a processor."""


def learn_tower(  # noqa: PLR0913  # what teaches what, where to, and the hooks
    gathered: Gathered,
    source: Store,
    settings: Settings,
    folder: Path,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Adapter | Verdict:
    """Teach the classifier's picture tower, and measure the same manner of teaching.

    Parameters
    ----------
    source : Store
        Where the gathered feedback is.
    folder : Path
        Where peft's files are written; `imgcap.learning.registry.keep_adapter` copies them.
    progress, cancel : callable
        As in `imgcap.learning.tower.fitting.fit_tower`.

    Returns
    -------
    Adapter or Verdict
        A verdict alone if there is nothing to teach, or the tower is best as it is.

    Raises
    ------
    EngineError
        If peft is not installed, the classifier runs elsewhere, or is of a kind that cannot be
        taught.
    CancelledError
        If `cancel` said so; nothing is written then.
    """
    if sentence := nothing_in(gathered):
        return Verdict(passed=False, sentence=sentence)
    loaded = load_tower(settings, cancel=cancel)
    records = {each.id: each for each in source.get(gathered.examples.ids)}
    places = [place for place, name in enumerate(gathered.examples.ids) if name in records]
    places.sort(key=lambda place: records[gathered.examples.ids[place]].time)
    examples = gathered.examples.only(np.array(places[-MOST:], np.int64))
    if not examples.corrected.any():
        return Verdict(passed=False, sentence="There is nothing to learn: no picture is left.")
    taught = fit_tower(
        loaded.model,
        loaded.processor,
        opened([records[name] for name in examples.ids], settings),
        examples,
        gathered.vocabulary,
        folder,
        progress,
        cancel,
    )
    if not taught.epochs:
        return Verdict(
            passed=False,
            sentence="The model sees these pictures best as it does now: nothing was made. "
            "Another method may still learn their labels.",
        )
    card = card_of("lora", gathered, taught.weights, taught.examples.ids, taught.evaluation)
    return Adapter(card, taught.weights, folder)
