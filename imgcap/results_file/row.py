"""One picture's line of a results file: the same columns in every format."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from imgcap.inference import Description, Prediction

_DIGITS: Final = 6
_DIGEST_LENGTH: Final = 12


class ResultsError(Exception):
    """A results file that cannot be read or written; the text is one sentence for a person."""


@dataclass(frozen=True)
class ResultRow:
    """What is known about one file.

    There are no times in it: a row says what was found, and is the same whenever it is found.

    Parameters
    ----------
    file : str
        Its path as it was named or found, or the name of an uploaded picture.
    sha256 : str
        Of its bytes; empty if it could not be read.
    width, height : int, optional
        Pixels of the upright picture.
    caption : str
        The best caption, empty if none was asked for.
    caption_confidence : float, optional
        The geometric mean of its tokens' probabilities, in 0..1.
    label : str
        The likeliest label, empty if none were asked for.
    score : float, optional
        Its score, in 0..1.
    predictions : tuple of Prediction
        The likeliest labels, best first.
    summary : str
        One sentence on them.
    classifier, captioner : str
        The checkpoints that answered.
    question : str
        As `question_digest` returns: rows with the same one answer the same question.
    error : str
        One sentence on why all the rest is missing.
    """

    file: str
    sha256: str = ""
    width: int | None = None
    height: int | None = None
    caption: str = ""
    caption_confidence: float | None = None
    label: str = ""
    score: float | None = None
    predictions: tuple[Prediction, ...] = ()
    summary: str = ""
    classifier: str = ""
    captioner: str = ""
    question: str = ""
    error: str = ""

    @classmethod
    def of(
        cls, file: str, description: Description, top: int | None = None, question: str = ""
    ) -> "ResultRow":
        """Return the row of a description, with its `top` best predictions or all of them."""
        best = tuple(
            Prediction(prediction.label, round(prediction.score, _DIGITS))
            for prediction in description.predictions[:top]
        )
        captions = description.captions
        return cls(
            file,
            description.sha256,
            description.width,
            description.height,
            description.caption,
            round(captions.best.confidence, _DIGITS) if captions else None,
            best[0].label if best else "",
            best[0].score if best else None,
            best,
            description.summary,
            description.models.get("classifier", ""),
            description.models.get("captioner", ""),
            question,
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "ResultRow":
        """Return the row that `as_dict` gave; raises ValueError for anything else."""
        try:
            predictions = tuple(
                Prediction(str(each["label"]), float(each["score"]))
                for each in values["predictions"]
            )
            return cls(**{**{name: values[name] for name in COLUMNS}, "predictions": predictions})
        except (KeyError, TypeError) as error:
            raise ValueError("no row of results") from error

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self) | {"predictions": [asdict(each) for each in self.predictions]}


COLUMNS: Final = tuple(field.name for field in fields(ResultRow))


def question_digest(parts: Iterable[object]) -> str:
    """Return a short text that differs for questions that differ in any of these plain values."""
    text = json.dumps(list(parts), ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGEST_LENGTH]
