"""One English sentence about the best labels of a picture, for labels of any form."""

from collections.abc import Sequence

from imgcap.inference.results import Classification, Prediction
from imgcap.labels import with_article
from imgcap.percentages import percent

CLOSE = 0.15
"""Two scores nearer than this are named together."""

LIKELY = 0.5
"""An independently scored label counts from here on."""

_MOST_NAMED = 3


def summarise(classification: Classification) -> str:
    """Say in one sentence what the picture most likely shows, and how sure that is.

    The sentence names two labels when their scores are close, and says so when no label stands
    out from the others: where the best score's `excess` is below `none_threshold`.
    """
    predictions = classification.predictions
    if not predictions:
        return ""
    if classification.independent:
        return _summarise_independent(predictions)
    best = predictions[0]
    if len(predictions) == 1:
        return f"The only label to choose from was {_quoted(best.label)}, so nothing was compared."
    if excess(best.score, len(predictions)) < classification.none_threshold:
        return _none_fits(best)
    second = predictions[1]
    if best.score - second.score < CLOSE:
        return f"This picture may show {_named(best)} or {_named(second)}."
    return f"This picture most likely shows {_named(best)}."


def excess(score: float, n_labels: int) -> float:
    """Return how far a score is on the way from an even guess among labels (0) to certainty (1)."""
    even = 1 / n_labels
    return (score - even) / (1 - even)


def _summarise_independent(predictions: Sequence[Prediction]) -> str:
    likely = [prediction for prediction in predictions if prediction.score >= LIKELY]
    if not likely:
        return _none_fits(predictions[0])
    named = [_named(prediction) for prediction in likely[:_MOST_NAMED]]
    listed = named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
    return f"This picture most likely shows {listed}."


def _none_fits(best: Prediction) -> str:
    return f"None of these labels fits this picture well; the closest is {_named(best)}."


def _named(prediction: Prediction) -> str:
    return f"{with_article(prediction.label)} ({percent(prediction.score)})"


def _quoted(label: str) -> str:
    return f"“{label}”"
