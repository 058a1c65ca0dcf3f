"""Questions and answers as they travel in JSON; plain result dataclasses travel as they are."""

from typing import Annotated, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from imgcap.inference.events import ModelEvent, Role
from imgcap.inference.relevance import WHOLE, Box, Relevance, WordRelevance
from imgcap.inference.results import CaptionOptions, Captions, Classification, ClassifyOptions
from imgcap.labels import DEFAULT_TEMPLATES, MAX_LABELS

MAX_TEMPLATES = 50
MAX_QUESTION_BYTES = 2**20
"""Of all that a request holds beside its picture."""

Text = Annotated[str, StringConstraints(max_length=1_000)]
Labels = Annotated[tuple[Text, ...], Field(max_length=MAX_LABELS)]
Vector = tuple[float, ...]
Grid = list[list[float]]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ClassifyQuestion(_Strict):
    """Candidate labels and how they are put; see `ClassifyOptions`."""

    labels: Labels
    templates: Annotated[tuple[Text, ...], Field(max_length=MAX_TEMPLATES)] = DEFAULT_TEMPLATES
    independent: bool = False
    none_threshold: float | None = None

    @property
    def options(self) -> ClassifyOptions:
        """The same for an engine; raises `EngineError` where it refuses them."""
        return ClassifyOptions(
            templates=self.templates,
            independent=self.independent,
            none_threshold=self.none_threshold,
        )


class LabelQuestion(ClassifyQuestion):
    """Which places speak for one of the candidate labels."""

    label: Text


class CaptionQuestion(_Strict):
    """How captions are generated; see `CaptionOptions`."""

    num_beams: int = CaptionOptions.num_beams
    min_new_tokens: int = CaptionOptions.min_new_tokens
    max_new_tokens: int = CaptionOptions.max_new_tokens
    num_captions: int = CaptionOptions.num_captions
    prefix: Text = CaptionOptions.prefix

    @property
    def options(self) -> CaptionOptions:
        """The same for an engine; raises `EngineError` where it refuses them."""
        return CaptionOptions(**self.model_dump())


class DescribeQuestion(_Strict):
    """Both about one picture, which travels once."""

    classify: ClassifyQuestion
    caption: CaptionQuestion = CaptionQuestion()


class WordsQuestion(_Strict):
    """Where the captioner looks for each word of a caption."""

    caption: Text


class EmbedQuestion(_Strict):
    """Where the picture lies in the classifier's space: nothing else to ask."""


class TextsQuestion(_Strict):
    """Texts to embed as they are."""

    texts: Labels


class LoadQuestion(_Strict):
    """Bring the model into memory now."""


Question = (
    ClassifyQuestion
    | LabelQuestion
    | CaptionQuestion
    | WordsQuestion
    | EmbedQuestion
    | TextsQuestion
    | LoadQuestion
)


class Embeddings(_Strict):
    """Unit vectors of the classifier's space, `(n, dim)`."""

    embeddings: tuple[Vector, ...]
    dim: int
    model: str


class Models(_Strict):
    """Which checkpoint serves each role, and how far its loading is."""

    models: dict[Role, ModelEvent]


class LabelMap(_Strict):
    """A `Relevance`."""

    map: Grid
    label: str
    score: float
    method: str
    model: str
    ms: float
    box: Box = WHOLE

    @classmethod
    def of(cls, relevance: Relevance) -> Self:
        """Return what travels of a relevance."""
        return cls(**{**vars(relevance), "map": relevance.map.tolist()})

    @property
    def relevance(self) -> Relevance:
        """What arrived."""
        return Relevance(**{**dict(self), "map": np.asarray(self.map, np.float32)})


class WordMaps(_Strict):
    """A `WordRelevance`."""

    words: tuple[str, ...]
    maps: list[Grid]
    method: str
    model: str
    ms: float
    box: Box = WHOLE
    place_shares: tuple[float, ...] = ()
    concepts: tuple[str, ...] = ()
    concept_shares: tuple[tuple[float, ...], ...] = ()

    @classmethod
    def of(cls, relevance: WordRelevance) -> Self:
        """Return what travels of a relevance."""
        return cls(**{**vars(relevance), "maps": relevance.maps.tolist()})

    @property
    def relevance(self) -> WordRelevance:
        """What arrived."""
        return WordRelevance(**{**dict(self), "maps": np.asarray(self.maps, np.float32)})


class Problem(_Strict):
    """Why there is no answer."""

    kind: str
    message: str


class Refusal(_Strict):
    """The body of every answer that is none."""

    error: Problem


class Part(_Strict):
    """A line of the answer to a `DescribeQuestion`: one of these."""

    classification: Classification | None = None
    captions: Captions | None = None
    error: Problem | None = None
