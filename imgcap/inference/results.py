"""What the engine takes and gives: options, results, events and errors; no model library."""

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from imgcap.labels import DEFAULT_TEMPLATES

NONE_THRESHOLD = 0.1
"""How far the best score must rise above an even guess, on the way from it to certainty."""

Role = Literal["classifier", "captioner"]
Stage = Literal["waiting", "download", "load", "ready", "failed"]


class EngineError(Exception):
    """A request that the engine cannot fulfil; the text is one sentence for a person."""


class ModelError(EngineError):
    """A checkpoint that cannot be found, fetched, loaded or used."""


class CancelledError(EngineError):
    """The caller's `cancel` answered yes before the work was done."""

    def __init__(self) -> None:
        super().__init__("The work was cancelled.")


Cancel = Callable[[], bool]
"""Asked between steps, from the thread that works; True ends the work with `CancelledError`."""

Progress = Callable[[int, int], None]
"""Told after each batch how many pictures are done, of how many."""


@dataclass(frozen=True)
class ClassifyOptions:
    """How candidate labels are put to the classifier.

    Parameters
    ----------
    templates : tuple of str
        Prompt templates with ``{}`` for the label; with several, a label's embedding is the mean
        of its normalised prompt embeddings (Radford et al. 2021, section 3.1.4).
    independent : bool
        Score each label by itself (several may fit) instead of sharing one between all.
    batch_size : int
        Pictures encoded at once.
    none_threshold : float or None
        How far the best score must rise above an even guess, on the way from it to certainty, for
        its label to be named; None for what the checkpoint's calibration says.
    """

    templates: tuple[str, ...] = DEFAULT_TEMPLATES
    independent: bool = False
    batch_size: int = 8
    none_threshold: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no classifier can do."""
        if not self.templates:
            raise EngineError("At least one prompt template is needed.")
        if self.batch_size < 1:
            raise EngineError("The batch size must be at least 1.")
        if self.none_threshold is not None and not 0 <= self.none_threshold <= 1:
            raise EngineError("The threshold for “none fits” must lie between 0 and 1.")


@dataclass(frozen=True)
class CaptionOptions:
    """How captions are generated.

    Parameters
    ----------
    num_beams : int
        Beams of the search, 1 to 16; 1 is greedy decoding.
    min_new_tokens, max_new_tokens : int
        Length limits in tokens, the prefix not counted; at most 200.
    num_captions : int
        How many captions a picture gets, best first; at most `num_beams`.
    prefix : str
        Words that every caption begins with, such as ``"a photograph of"``.
    batch_size : int
        Pictures captioned at once.
    """

    num_beams: int = 3
    min_new_tokens: int = 0
    max_new_tokens: int = 30
    num_captions: int = 1
    prefix: str = ""
    batch_size: int = 8

    def __post_init__(self) -> None:
        """Refuse limits that contradict each other, before a model is asked."""
        most_beams, most_tokens, most_prefix = 16, 200, 200
        if not 1 <= self.num_beams <= most_beams:
            raise EngineError(f"The number of beams must lie between 1 and {most_beams}.")
        if not 1 <= self.max_new_tokens <= most_tokens:
            raise EngineError(f"A caption can have between 1 and {most_tokens} tokens.")
        if not 0 <= self.min_new_tokens <= self.max_new_tokens:
            raise EngineError("A caption's least length must not exceed its greatest.")
        if not 1 <= self.num_captions <= self.num_beams:
            raise EngineError("There can be as many captions as there are beams, and at least one.")
        if len(self.prefix) > most_prefix:
            raise EngineError(f"The caption's prefix can have {most_prefix} characters at most.")
        if self.batch_size < 1:
            raise EngineError("The batch size must be at least 1.")


@dataclass(frozen=True)
class Prediction:
    """One candidate label and its score in 0..1."""

    label: str
    score: float


@dataclass(frozen=True)
class Classification:
    """The scores of one picture.

    Parameters
    ----------
    predictions : tuple of Prediction
        Every candidate label, best first; scores sum to 1 unless `independent`.
    independent : bool
        Whether each score stands by itself.
    model : str
        The checkpoint that answered.
    ms : float
        Milliseconds this picture took: its share of the batch.
    revision : str
        The checkpoint's commit, empty where it has none; then, behind a plus, the adapter that was
        in use, if one was.
    temperature : float
        What the logits were divided by.
    none_threshold : float
        As in `ClassifyOptions`.
    """

    predictions: tuple[Prediction, ...]
    independent: bool
    model: str
    ms: float
    revision: str = ""
    temperature: float = 1.0
    none_threshold: float = NONE_THRESHOLD

    @property
    def adapter(self) -> str:
        """The adapter that answered beside the checkpoint, empty for none."""
        return self.revision.partition("+")[2]


@dataclass(frozen=True)
class Caption:
    """One caption and its score.

    Parameters
    ----------
    text : str
        The caption, prefix included.
    score : float
        Mean log-probability of a generated token, at most 0; captions of one picture compare.
    tokens : int
        How many tokens were generated, the prefix and the end not counted.
    finished : bool
        Whether the model ended it; False where the greatest length cut it off.
    """

    text: str
    score: float
    tokens: int = 0
    finished: bool = True

    @property
    def confidence(self) -> float:
        """The geometric mean of the generated tokens' probabilities, in 0..1."""
        return min(1.0, math.exp(self.score))


@dataclass(frozen=True)
class Captions:
    """The captions of one picture, best first; the rest as in `Classification`."""

    captions: tuple[Caption, ...]
    model: str
    ms: float
    revision: str = ""

    @property
    def best(self) -> Caption:
        """The caption the model found likeliest."""
        return self.captions[0]


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
        from imgcap.inference.summary import summarise

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


@dataclass(frozen=True)
class ModelEvent:
    """A step on the way of one checkpoint from its place to memory.

    Parameters
    ----------
    role : {"classifier", "captioner"}
        What the checkpoint is for.
    checkpoint : str
        Its name as a person chose it.
    stage : {"waiting", "download", "load", "ready", "failed"}
        ``waiting``: not asked for yet.
    done, total : int
        Bytes, while it downloads; `total` is 0 as long as it is unknown.
    message : str
        One sentence, when it failed.
    """

    role: Role
    checkpoint: str
    stage: Stage
    done: int = 0
    total: int = 0
    message: str = field(default="")
