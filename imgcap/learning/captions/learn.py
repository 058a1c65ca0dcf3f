"""Making an adapter of all corrected captions, with what it is worth written on it."""

from datetime import UTC, datetime
from pathlib import Path

from imgcap.inference.adapter import Adapter, AdapterCard
from imgcap.inference.events import Cancel, Progress
from imgcap.learning.captions.evaluation import cross_validate
from imgcap.learning.captions.fitting import taught
from imgcap.learning.captions.gate import judge_captions
from imgcap.learning.captions.gather import GatheredCaptions
from imgcap.learning.labels.gate import Verdict
from imgcap.learning.low_rank import check_extra
from imgcap.learning.registry import new_id


def learn_captions(
    gathered: GatheredCaptions,
    folder: Path,
    *,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Adapter | Verdict:
    """Fit an adapter to all examples, and measure the same manner of fitting on held-out ones.

    Parameters
    ----------
    folder : Path
        Where peft's files are written; `imgcap.learning.registry.keep_adapter` copies them.
    progress : callable
        Told of rounds of learning: how many are done, of how many at most.

    Returns
    -------
    Adapter or Verdict
        A verdict alone if there is nothing to fit.

    Raises
    ------
    EngineError
        If peft is not installed.
    CancelledError
        If `cancel` said so; it is asked before each step.
    """
    examples, writer = gathered.examples, gathered.writer
    if not examples.corrected.any():
        return Verdict(passed=False, sentence=_nothing(gathered))
    check_extra("Learning captions")
    found, epochs = cross_validate(writer, examples, progress=progress, cancel=cancel)
    verdict = judge_captions(found)
    card = AdapterCard(
        id=new_id("lora"),
        kind="lora",
        role="captioner",
        checkpoint=writer.checkpoint,
        revision=writer.commit,
        labels=(),
        records=examples.records,
        passed=verdict.passed,
        sentence=verdict.sentence,
        figures=found.as_dict(),
        time=datetime.now(UTC),
    )
    with taught(writer, examples, epochs=max(1, epochs), cancel=cancel) as adapter:
        adapter.save(folder, writer.checkpoint)
    return Adapter(card, lora=folder)


def _nothing(gathered: GatheredCaptions) -> str:
    if not gathered.judged:
        return "Not enough evidence yet: no caption was corrected or rated good."
    if not len(gathered.examples):
        return (
            "Not enough evidence yet: none of the pictures with a judged caption was kept. "
            "Pictures are kept when people allow it beside the form for feedback."
        )
    return "There is nothing to learn: no caption was corrected."
