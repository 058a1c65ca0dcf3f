"""One piece of feedback: what a person said of a result, and all that the result was."""

import json
import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    JsonValue,
    PlainValidator,
    ValidationError,
)

from imgcap.feedback.ids import uuid7
from imgcap.inference.description import Description
from imgcap.inference.results import Prediction
from imgcap.labels import MAX_LABELS

SCHEMA_VERSION = 2
TOP = 5
"""How many predictions a record keeps: those that the page shows."""
MAX_COMMENT = 2**20
_MAX_CAPTION = 10_000
_MAX_NAME = 1_000
_MAX_EDITS = 100_000


class FeedbackError(ValueError):
    """Feedback that cannot be taken, kept or read; the text is one sentence for a person."""


def _text(most: int) -> PlainValidator:
    def check(value: object) -> str:
        # Not pydantic's own check: it refuses half an emoji, which a browser does send.
        if not isinstance(value, str):
            raise ValueError("must be text")  # noqa: TRY004  # pydantic takes no TypeError
        if len(value) > most:
            raise ValueError(f"has {len(value):,} characters; {most:,} is the most")
        return value

    return PlainValidator(check)


def _to_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the calendar") from error


def _check_predictions(predictions: tuple[Prediction, ...]) -> tuple[Prediction, ...]:
    for each in predictions:
        if not (math.isfinite(each.score) and 0 <= each.score <= 1):
            raise ValueError("must have scores between 0 and 1")
        if len(each.label) > _MAX_NAME:
            raise ValueError(f"must have labels of at most {_MAX_NAME:,} characters")
    return predictions


def _check_edits(edits: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
    try:
        length = len(json.dumps(edits, allow_nan=False))
    except ValueError as error:
        raise ValueError("must hold finite numbers") from error
    if length > _MAX_EDITS:
        raise ValueError(f"take more than {_MAX_EDITS:,} characters")
    return edits


Name = Annotated[str, _text(_MAX_NAME)]
Milliseconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Pixels = Annotated[int, Field(ge=1, le=2**31)]
Sha256 = Annotated[str, Field(pattern=r"^(?:[0-9a-f]{64})?$")]


class FeedbackRecord(BaseModel):
    """One piece of feedback; only `rating` is needed. Raises `FeedbackError` for a bad field.

    Attributes
    ----------
    id
        Made when the record is; storing the same id again stores nothing twice.
    time
        When the feedback was given: aware, kept in UTC.
    rating
        1 (poor) to 5 (excellent).
    comment
        Exactly as typed: at most 2**20 characters of any kind.
    corrected_label, corrected_caption
        What the person says it should have been, empty if nothing.
    picture_name, picture_sha256, picture_width, picture_height
        The picture that was rated; empty or None without one.
    picture_file
        The sha256 of the copy that the visitor allowed to be kept, empty without one: see
        `imgcap.feedback.pictures`.
    edits
        What was done to the picture before it was described, in order.
    labels, templates, independent
        The question: candidate labels, prompt templates, whether each label stood by itself.
    predictions
        The top answers with scores in 0..1, best first.
    caption
        The best caption.
    classifier, classifier_revision, captioner, captioner_revision
        Checkpoints that answered, with their commit where they have one.
    classify_ms, caption_ms
        Milliseconds they took.
    session
        Which page it came from: random, says nothing of a person.
    schema_version
        Of these fields; a record of a newer version is refused.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: UUID = Field(default_factory=uuid7)
    time: Annotated[AwareDatetime, AfterValidator(_to_utc)] = Field(
        default_factory=lambda: datetime.now(UTC)
    )
    rating: Annotated[int, Field(ge=1, le=5)]
    comment: Annotated[str, _text(MAX_COMMENT)] = ""
    corrected_label: Name = ""
    corrected_caption: Annotated[str, _text(_MAX_CAPTION)] = ""
    picture_name: Name = ""
    picture_sha256: Sha256 = ""
    picture_width: Pixels | None = None
    picture_height: Pixels | None = None
    picture_file: Sha256 = ""
    edits: Annotated[tuple[dict[str, JsonValue], ...], AfterValidator(_check_edits)] = ()
    labels: Annotated[tuple[Name, ...], Field(max_length=MAX_LABELS)] = ()
    templates: Annotated[tuple[Name, ...], Field(max_length=100)] = ()
    independent: bool = False
    predictions: Annotated[
        tuple[Prediction, ...], Field(max_length=MAX_LABELS), AfterValidator(_check_predictions)
    ] = ()
    caption: Annotated[str, _text(_MAX_CAPTION)] = ""
    classifier: Name = ""
    classifier_revision: Name = ""
    captioner: Name = ""
    captioner_revision: Name = ""
    classify_ms: Milliseconds | None = None
    caption_ms: Milliseconds | None = None
    session: Name = ""
    schema_version: Annotated[int, Field(ge=1, le=SCHEMA_VERSION)] = SCHEMA_VERSION

    if not TYPE_CHECKING:  # a type checker sees the fields as keywords instead

        def __init__(self, /, **fields: object) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise FeedbackError(_sentence(error)) from None

    @property
    def label(self) -> str:
        """The label that the classifier found likeliest, empty if none was asked for."""
        return self.predictions[0].label if self.predictions else ""

    @property
    def searchable(self) -> str:
        """What a search looks through, without letter case."""
        said = (self.comment, self.corrected_label, self.corrected_caption)
        shown = (self.caption, self.label, self.picture_name)
        return "\n".join((*said, *shown)).casefold()


def record_of(  # noqa: PLR0913  # one keyword a thing that was asked or said
    description: Description | None = None,
    *,
    rating: int,
    comment: str = "",
    corrected_label: str = "",
    corrected_caption: str = "",
    edits: Sequence[Mapping[str, JsonValue]] = (),
    labels: Sequence[str] | None = None,
    templates: Sequence[str] = (),
    session: str = "",
) -> FeedbackRecord:
    """Make a record from a result and what a person said of it.

    Parameters
    ----------
    description : Description, optional
        The result that was rated; None for feedback without a picture.
    labels : sequence of str, optional
        The candidate labels in the order they were asked; by default those of `description`,
        best first.

    Raises
    ------
    FeedbackError
        If a field is of the wrong kind, out of range or too long.
    """
    said = {
        "rating": rating,
        "comment": comment,
        "corrected_label": corrected_label,
        "corrected_caption": corrected_caption,
        "edits": tuple(map(dict, edits)),
        "templates": tuple(templates),
        "session": session,
    }
    return FeedbackRecord(**said, **_result(description, labels))


def _result(description: Description | None, labels: Sequence[str] | None) -> dict[str, Any]:
    if description is None:
        return {"labels": tuple(labels or ())}
    asked = [each.label for each in description.predictions] if labels is None else labels
    classification = description.classification
    return {
        "picture_name": description.name,
        "picture_sha256": description.sha256,
        "picture_width": description.width or None,
        "picture_height": description.height or None,
        "labels": tuple(asked),
        "independent": bool(classification and classification.independent),
        "predictions": description.predictions[:TOP],
        "caption": description.caption,
        "classifier": description.models.get("classifier", ""),
        "classifier_revision": description.revisions.get("classifier", ""),
        "captioner": description.models.get("captioner", ""),
        "captioner_revision": description.revisions.get("captioner", ""),
        "classify_ms": description.ms.get("classify"),
        "caption_ms": description.ms.get("caption"),
    }


def _sentence(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_input=False)[0]
    field = str(problem["loc"][0]) if problem["loc"] else "record"
    name = field.replace("_", " ")
    if field == "rating":
        return "The rating must be a whole number from 1 to 5."
    if problem["type"] == "extra_forbidden":
        return f"A feedback record has no field “{name[:50]}”."
    if field == "schema_version":
        return "The feedback was written by a newer version of this program."
    if problem["type"] == "value_error":
        return f"The {name} {problem['ctx']['error']}."
    return f"The {name} cannot be used: {problem['msg'][:1].lower()}{problem['msg'][1:]}."
