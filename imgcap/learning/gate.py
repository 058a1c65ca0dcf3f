"""Whether there is enough evidence to adopt an adapter, and if not, how much is missing."""

import math
from dataclasses import dataclass
from typing import Final

from imgcap.learning.evaluation import Evaluation

LEAST_CORRECTIONS: Final = 10
LEAST_CONFIRMED: Final = 10
"""So many measured pictures must have been right without the adapter, to see whether it harms."""
LEAST_UNTOUCHED: Final = 10
MARGIN: Final = 0.02
"""By how much the accuracy on labels that nobody corrected may fall."""
SURE: Final = 0.05
_POWER: Final = 1.96 + 0.84
"""Standard errors that a gain must measure to be seen four times out of five."""
_MOST_MORE: Final = 10_000


@dataclass(frozen=True)
class Verdict:
    """Whether an adapter may be adopted, and why, for a person."""

    passed: bool
    sentence: str


def judge(found: Evaluation) -> Verdict:
    """Decide by what was measured.

    An adapter passes if its gain in accuracy is above zero with its whole 95 % interval, over
    pictures and over labels, and by McNemar's test, stays above zero when wrong answers are
    weighed as often as they happen, and labels that nobody corrected fall by `MARGIN` at most.
    """
    lacking = _lacking(found)
    if lacking:
        return Verdict(passed=False, sentence=f"Not enough evidence yet: {lacking}")
    everything, untouched = found.everything, found.untouched
    fall = -untouched.gain.mean if untouched else 0.0
    if fall > MARGIN:
        return Verdict(
            passed=False,
            sentence=f"Labels that nobody corrected would be right {100 * fall:.1f} points less "
            f"often; {100 * MARGIN:.0f} is the most that is accepted.",
        )
    sure = everything.gain.is_sure and everything.macro_gain.is_sure
    if not (sure and everything.mcnemar < SURE):
        return Verdict(passed=False, sentence=f"Not enough evidence yet: {_more(found)}")
    if found.weighed is None or found.weighed <= 0:
        return Verdict(
            passed=False,
            sentence="It repairs answers that people corrected, but spoils so many right ones "
            "that it would do more harm than good.",
        )
    return Verdict(
        passed=True,
        sentence=f"Right {100 * everything.gain.mean:.1f} points more often on "
        f"{everything.pictures:,} judged pictures that it had not seen "
        f"(95 % interval {100 * everything.gain.low:+.1f} to {100 * everything.gain.high:+.1f}).",
    )


def _lacking(found: Evaluation) -> str:
    """Say what must be there before anything can be said."""
    right = round(found.everything.before.accuracy * found.everything.pictures)
    untouched = found.untouched.pictures if found.untouched else 0
    for number, least, what, reason in (
        (found.corrections, LEAST_CORRECTIONS, "correction", "to learn from"),
        (right, LEAST_CONFIRMED, "confirmed label", "to see that right answers stay right"),
        (
            untouched if found.untouched_labels else LEAST_UNTOUCHED,
            LEAST_UNTOUCHED,
            "confirmed picture",
            "of labels that nobody corrected",
        ),
    ):
        if number < least:
            more = least - number
            ending = " is" if more == 1 else "s are"
            return f"{more} more {what}{ending} needed {reason}."
    return ""


def _more(found: Evaluation) -> str:
    """Say how many more corrections would show a gain of this size (a power estimate)."""
    everything = found.everything
    gains = everything.gain, everything.macro_gain
    if min(gain.mean for gain in gains) <= 0:
        return (
            "on judged pictures that it had not seen, it is not right more often, label by label."
        )
    errors = [(gain.high - gain.low) / (2 * 1.96) for gain in gains]
    shares = [error / gain.mean for error, gain in zip(errors, gains, strict=True)]
    factor = max((_POWER * max(shares)) ** 2, 1 + 1 / everything.pictures)
    more = math.ceil(found.corrections * (factor - 1))
    size = f"a gain of {100 * everything.gain.mean:.1f} points, as it is now,"
    if more > _MOST_MORE:
        return f"{size} is too small to be shown by any reasonable number of corrections."
    return (
        f"about {more:,} more corrections would show {size} four times out of five, with "
        "confirmations in the same proportion."
    )
