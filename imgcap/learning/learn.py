"""Making an adapter of all feedback, with what it is worth written on it."""

from datetime import UTC, datetime

from imgcap.inference.adapter import Adapter, AdapterCard
from imgcap.learning.adapters import Kind, fit
from imgcap.learning.evaluation import cross_validate
from imgcap.learning.gate import Verdict, judge
from imgcap.learning.gather import Gathered
from imgcap.learning.registry import new_id


def learn_adapter(kind: Kind, gathered: Gathered) -> Adapter | Verdict:
    """Fit an adapter to all examples, and measure the same manner of fitting on held-out ones.

    Returns
    -------
    Adapter or Verdict
        A verdict alone if there is nothing to fit.
    """
    examples, vocabulary = gathered.examples, gathered.vocabulary
    if not examples.corrected.any():
        return Verdict(passed=False, sentence=_nothing(gathered))
    found = cross_validate(kind, examples, vocabulary)
    verdict = judge(found)
    weights = fit(kind, examples, vocabulary)
    card = AdapterCard(
        id=new_id(kind),
        kind=kind,
        checkpoint=gathered.checkpoint,
        revision=gathered.revision,
        labels=weights.labels,
        alpha=weights.alpha,
        beta=weights.beta,
        records=examples.ids,
        passed=verdict.passed,
        sentence=verdict.sentence,
        figures=found.as_dict(),
        time=datetime.now(UTC),
    )
    return Adapter(card, weights)


def _nothing(gathered: Gathered) -> str:
    if not gathered.judged:
        return "Not enough evidence yet: no label was confirmed or corrected."
    if not len(gathered.examples):
        return (
            "Not enough evidence yet: none of the judged pictures was kept. Pictures are kept "
            "when people allow it beside the form for feedback."
        )
    return "There is nothing to learn: every judged label was right."
