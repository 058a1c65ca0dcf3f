"""All that is known of one picture: its labels and its captions together."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from imgcap.inference.events import Role
from imgcap.inference.results import Captions, Classification, Prediction
from imgcap.inference.summary import summarise


@dataclass(frozen=True)
class Description:
    """All that was found out about one picture.

    Parameters
    ----------
    name : str
        The picture's file name, empty if it has none.
    sha256 : str
        Of the picture's original bytes, empty if unknown.
    width, height : int
        Pixels.
    classification : Classification or None
        None if no labels were asked for.
    captions : Captions or None
        None if no caption was asked for.
    """

    name: str
    sha256: str
    width: int
    height: int
    classification: Classification | None = None
    captions: Captions | None = None

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """Every candidate label with its score, best first; empty if none were asked for."""
        return self.classification.predictions if self.classification else ()

    @property
    def summary(self) -> str:
        """One English sentence on the best labels, empty if no labels were asked for."""
        return summarise(self.classification) if self.classification else ""

    @property
    def caption(self) -> str:
        """The best caption, empty if none was asked for."""
        return self.captions.best.text if self.captions else ""

    @property
    def models(self) -> Mapping[Role, str]:
        """The checkpoints that answered, by role."""
        return {role: part.model for role, part in self._answers.items()}

    @property
    def revisions(self) -> Mapping[Role, str]:
        """Their commits; empty for one that has none."""
        return {role: part.revision for role, part in self._answers.items()}

    @property
    def _answers(self) -> "Mapping[Role, Classification | Captions]":
        parts: dict[Role, Classification | Captions | None] = {
            "classifier": self.classification,
            "captioner": self.captions,
        }
        return {role: part for role, part in parts.items() if part}

    @property
    def ms(self) -> Mapping[str, float]:
        """Milliseconds by step: ``classify`` and ``caption``."""
        parts = {"classify": self.classification, "caption": self.captions}
        return {step: part.ms for step, part in parts.items() if part}

    def as_dict(self, top: int | None = None) -> dict[str, Any]:
        """Return plain values for JSON, with the `top` best predictions or all of them."""
        return {
            "file": self.name,
            "caption": self.caption or None,
            "predictions": [asdict(prediction) for prediction in self.predictions[:top]],
            "summary": self.summary or None,
            "models": {"classifier": None, "captioner": None, **self.models},
            "ms": {"classify": None, "caption": None}
            | {step: round(ms, 1) for step, ms in self.ms.items()},
        }
