"""An engine without models that goes by the names of files."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from imgcap.inference import Caption, Captions, Classification, ModelError, Prediction
from imgcap.inference.describing import Describing


class NamingEngine(Describing):
    """Finds the label that a picture's file name contains, and captions it with that name.

    Parameters
    ----------
    break_on
        Part of a file name at which the engine falls over, as on a bug.
    missing
        A sentence with which every request is refused, as when a model is missing.
    seconds
        How long a request takes.
    """

    def __init__(self, break_on: str = "", missing: str = "", seconds: float = 0) -> None:
        self.break_on = break_on
        self.missing = missing
        self.seconds = seconds
        self.batches: list[list[str]] = []
        self.closed = False
        self.watch: Callable[[], None] = lambda: None

    def _begin(self, pictures: Sequence[Any]) -> None:
        time.sleep(self.seconds)
        self.watch()
        if self.missing:
            raise ModelError(self.missing)
        if self.break_on and any(self.break_on in picture.name for picture in pictures):
            raise RuntimeError("a bug")

    def classify(
        self, pictures: Sequence[Any], labels: Sequence[str], *_: object, **__: object
    ) -> list[Classification]:
        self._begin(pictures)
        answers = []
        for picture in pictures:
            rest = 0.2 / max(1, len(labels) - 1)
            scored = [
                Prediction(label, 0.8 if label.split()[-1] in picture.name else rest)
                for label in labels
            ]
            scored.sort(key=lambda prediction: -prediction.score)
            answers.append(Classification(tuple(scored), independent=False, model="fake", ms=1.04))
        return answers

    def caption(self, pictures: Sequence[Any], *_: object, **__: object) -> list[Captions]:
        self._begin(pictures)
        self.batches.append([Path(picture.name).name for picture in pictures])
        return [
            Captions((Caption(f"a picture of {Path(picture.name).stem}", -0.5),), "fake", 2.0)
            for picture in pictures
        ]

    def close(self) -> None:
        self.closed = True
