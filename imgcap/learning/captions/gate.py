"""Whether there is enough evidence to adopt a captioner's adapter."""

from typing import Final

from imgcap.learning.captions.evaluation import CaptionEvaluation
from imgcap.learning.labels.gate import Verdict

LEAST_CORRECTIONS: Final = 10
LEAST_GOOD: Final = 10
"""So many measured captions must have been rated good, to see whether they stay so."""
MARGIN: Final = 0.1
"""By how much the token F1 of captions that were rated good may fall."""


def judge_captions(found: CaptionEvaluation) -> Verdict:
    """Decide by what was measured.

    An adapter passes if its gain in CIDEr on corrected captions lies above zero with its whole
    95 % interval, the gain on all judged ones is above zero, and captions that were rated good keep
    their words but for `MARGIN`.
    """
    corrected, good = found.corrected, found.untouched
    if lacking := _lacking(found):
        return Verdict(passed=False, sentence=f"Not enough evidence yet: {lacking}")
    if good and -good.f1_gain.mean > MARGIN:
        return Verdict(
            passed=False,
            sentence="Captions that were rated good would share "
            f"{-100 * good.f1_gain.mean:.0f} points fewer of their words with what was rated; "
            f"{100 * MARGIN:.0f} is the most that is accepted.",
        )
    if not (corrected and corrected.gain.is_sure and found.everything.gain.mean > 0):
        return Verdict(
            passed=False,
            sentence="Not enough evidence yet: on pictures that it had not seen, it does not "
            "surely write captions that are nearer to the corrected ones.",
        )
    gain = corrected.gain
    return Verdict(
        passed=True,
        sentence=f"Nearer to the corrections on {corrected.pictures:,} pictures that it had not "
        f"seen: CIDEr {corrected.before.cider:.2f} before, {corrected.after.cider:.2f} after "
        f"(gain {gain.mean:+.2f}, 95 % interval {gain.low:+.2f} to {gain.high:+.2f}).",
    )


def _lacking(found: CaptionEvaluation) -> str:
    """Say what must be there before anything can be said."""
    for number, least, what, reason in (
        (found.corrections, LEAST_CORRECTIONS, "corrected caption", "to learn from"),
        (
            found.untouched.pictures if found.untouched else 0,
            LEAST_GOOD,
            "caption rated good",
            "to see that good ones stay good",
        ),
    ):
        if number < least:
            more = least - number
            noun = what if more == 1 else what.replace("caption", "captions")
            return f"{more} more {noun} {'is' if more == 1 else 'are'} needed {reason}."
    return ""
