"""What an engine is asked, as questions for the service."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from imgcap.inference.errors import EngineError
from imgcap.inference.results import CaptionOptions, ClassifyOptions
from imgcap.labels import check_labels
from imgcap.remote.wire import CaptionQuestion, ClassifyQuestion

Q = TypeVar("Q", bound=BaseModel)


def classify_question(labels: Sequence[str], options: ClassifyOptions | None) -> ClassifyQuestion:
    """Return the question for labels; raises `LabelError` or `EngineError` as an engine does."""
    options = options or ClassifyOptions()
    return checked(
        ClassifyQuestion,
        {
            "labels": check_labels(labels),
            "templates": options.templates,
            "independent": options.independent,
            "none_threshold": options.none_threshold,
        },
    )


def caption_question(options: CaptionOptions | None) -> CaptionQuestion:
    """Return the question for captions; raises `EngineError` as an engine does."""
    given = vars(options or CaptionOptions())
    return checked(CaptionQuestion, {name: given[name] for name in CaptionQuestion.model_fields})


def checked(kind: type[Q], fields: Mapping[str, object]) -> Q:
    """Return a question; one that is too long for the service ends here."""
    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        raise EngineError(
            "The inference service takes no question as long as this: use fewer or shorter words."
        ) from error
