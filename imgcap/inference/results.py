"""What the engine takes and gives: options and results; no model library."""

import math
from dataclasses import dataclass

from imgcap.inference.errors import EngineError
from imgcap.labels import DEFAULT_TEMPLATES

NONE_THRESHOLD = 0.1
"""How far the best score must rise above an even guess, on the way from it to certainty."""


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
