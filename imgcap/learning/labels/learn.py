"""Making an adapter of all feedback, with what it is worth written on it."""

from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

from imgcap.inference.adapter import Adapter, AdapterCard
from imgcap.inference.label_weights import Weights
from imgcap.learning.labels.adapters import Kind, fit
from imgcap.learning.labels.evaluation import Evaluation, cross_validate
from imgcap.learning.labels.gate import Verdict, judge
from imgcap.learning.labels.gather import Gathered
from imgcap.learning.registry import new_id


def learn_adapter(kind: Kind, gathered: Gathered) -> Adapter | Verdict:
    """Fit an adapter to all examples, and measure the same manner of fitting on held-out ones.

    Returns
    -------
    Adapter or Verdict
        A verdict alone if there is nothing to fit.
    """
    if sentence := nothing_in(gathered):
        return Verdict(passed=False, sentence=sentence)
    examples, vocabulary = gathered.examples, gathered.vocabulary
    found = cross_validate(kind, examples, vocabulary)
    weights = fit(kind, examples, vocabulary)
    return Adapter(card_of(kind, gathered, weights, examples.ids, found), weights)


def card_of(
    kind: Literal["probe", "cache", "lora"],
    gathered: Gathered,
    weights: Weights,
    records: tuple[UUID, ...],
    found: Evaluation,
) -> AdapterCard:
    """Write down what an adapter of a classifier is, and whether it may be adopted."""
    verdict = judge(found)
    return AdapterCard(
        id=new_id(kind),
        kind=kind,
        checkpoint=gathered.checkpoint,
        revision=gathered.revision,
        labels=weights.labels,
        alpha=weights.alpha,
        beta=weights.beta,
        records=records,
        passed=verdict.passed,
        sentence=verdict.sentence,
        figures=found.as_dict(),
        time=datetime.now(UTC),
    )


def nothing_in(gathered: Gathered) -> str:
    """Say why there is nothing to learn; empty if there is something."""
    if gathered.examples.corrected.any():
        return ""
    if not gathered.judged:
        return "Not enough evidence yet: no label was confirmed or corrected."
    if not len(gathered.examples):
        return (
            "Not enough evidence yet: none of the judged pictures was kept. Pictures are kept "
            "when people allow it beside the form for feedback."
        )
    return "There is nothing to learn: every judged label was right."
