"""Teaching a classifier's picture tower in minutes, and what that is worth.

A tower alone cannot learn what an invented name means: its text vector lies anywhere, and all
pictures of the label would have to be thrown across the space. So corrected labels are moved by a
probe first, and the tower learns to fit the moved ones; the adapter holds both. Labels that nobody
corrected keep their zero-shot weight exactly.

With the embedded classifier this gained nothing over the probe: `benchmarks.tower_learning`
found -1.5 to +0.7 points on scenes6, sports100 and caltech101, with 2 to 16 corrections a label.
Where only half of the labels were corrected and no other confirmed, the others lost up to 43 more.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median_low

import numpy as np
from PIL import Image
from transformers import PreTrainedModel, ProcessorMixin

from imgcap.inference.embedder import check
from imgcap.inference.events import Cancel, Progress
from imgcap.inference.label_weights import Floats, Weights
from imgcap.learning.labels.adapters import fit, logits
from imgcap.learning.labels.evaluation import Evaluation, held_out_in_turn, measured_by
from imgcap.learning.labels.examples import Examples, Vocabulary
from imgcap.learning.low_rank import Places, check_extra
from imgcap.learning.tower.halfway import VIEWS, see
from imgcap.learning.tower.rounds import EPOCHS, Lesson, looks_in_all, taught
from imgcap.learning.tower.tail import Tail


@dataclass(frozen=True)
class TaughtTower:
    """What was learned beside the files in the folder.

    Parameters
    ----------
    weights : Weights
        How corrected labels are moved.
    examples : Examples
        What was learned from: those whose picture could be opened.
    evaluation : Evaluation
        Of the same manner of learning, on pictures that it did not learn from.
    epochs : int
        For how many rounds the tower learned; with none it sees as before.
    """

    weights: Weights
    examples: Examples
    evaluation: Evaluation
    epochs: int


def fit_tower(  # noqa: PLR0913, PLR0917  # what learns, what from, where to, and the hooks
    model: PreTrainedModel,
    processor: ProcessorMixin,
    images: Iterable[Image.Image | None],
    examples: Examples,
    vocabulary: Vocabulary,
    folder: Path,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> TaughtTower:
    """Teach a tower all examples, write peft's files, and measure it fold by fold.

    Of the folds that a held-out one leaves, one tells when to stop; what is kept learns from all,
    for as many rounds as that found. With the same pictures it gives the same again.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        The checkpoint by itself, in float32 on a CPU, in evaluation mode; it is left as it was.
    processor : transformers.ProcessorMixin
    images : iterable of PIL.Image.Image or None
        One an example, as it was judged; None where it cannot be opened any more.
    folder : Path
        Of peft's files; nothing is written before the end.
    progress : callable, optional
        Told how many looks at a picture are done, of how many at most.

    Raises
    ------
    EngineError
        If peft is not installed, or the model is of a kind that cannot be taught.
    ValueError
        If no picture with a corrected label could be opened.
    CancelledError
        If `cancel` said so; it is asked before each step.
    """
    work = _Work(len(examples), len(held_out_in_turn(examples)) + 1, progress, cancel)
    check_extra("Teaching the picture tower")
    work.go_on(0)
    halfway, there = see(Tail(model), processor, images, len(examples), work.go_on)
    examples = examples.only(there)
    weights = fit("probe", examples, vocabulary)
    rounds: list[int] = []

    def answers(learned: Places, held_out: Places) -> Floats:
        shown = examples.only(held_out)
        if not examples.corrected[learned].any():
            return logits(shown, vocabulary)
        rest, checked = _divided(examples, learned)
        lesson = Lesson.of(halfway, examples, rest, vocabulary)
        with taught(lesson, rest, checked, EPOCHS, work.go_on) as found:
            shown = replace(shown, pictures=halfway.embed(held_out))
        rounds.append(found.epochs)
        work.end_run()
        return logits(shown, vocabulary, fit("probe", examples.only(learned), vocabulary))

    evaluation = measured_by(answers, examples, vocabulary)
    epochs = median_low(rounds) if rounds else 0
    everything = np.arange(len(examples))
    lesson = Lesson.of(halfway, examples, everything, vocabulary)
    with taught(lesson, everything, everything[:0], epochs, work.go_on) as found:
        work.end_run()
        found.save(folder)
    return TaughtTower(weights, examples, evaluation, epochs)


def _divided(examples: Examples, learned: Places) -> tuple[Places, Places]:
    """Set a fold aside that tells when to stop, if the others still have a correction."""
    for fold in np.unique(examples.folds[learned])[::-1]:
        aside = examples.folds[learned] == fold
        if examples.corrected[learned[~aside]].any():
            return learned[~aside], learned[aside]
    return learned, learned[:0]


class _Work:
    """Counts looks at a picture, and asks whether to go on."""

    def __init__(
        self, pictures: int, runs: int, progress: Progress | None, cancel: Cancel | None
    ) -> None:
        self._seeing, self._run = pictures * VIEWS, looks_in_all(pictures)
        self._total = self._seeing + runs * self._run
        self._progress, self._cancel = progress, cancel
        self._done = self._ended = 0

    def go_on(self, looks: int) -> None:
        """Tell of some looks that are done or begin; raises `CancelledError`."""
        check(self._cancel)
        self._done += looks
        if self._progress:
            self._progress(self._done, self._total)

    def end_run(self) -> None:
        """Leave out what a run that stopped early had left."""
        self._ended += 1
        self.go_on(self._seeing + self._ended * self._run - self._done)
