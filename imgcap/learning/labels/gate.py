"""Whether there is enough evidence to adopt an adapter, and if not, how much is missing."""

import math
from dataclasses import dataclass
from typing import Final

from imgcap.learning.groups import FOLDS
from imgcap.learning.labels.evaluation import MANY, Evaluation, Part

LEAST_CORRECTIONS: Final = 10
LEAST_CONFIRMED: Final = 10
"""So many measured pictures must have been right without the adapter, to see whether it harms."""
LEAST_UNTOUCHED: Final = 10
MARGIN: Final = 0.02
"""By how much the accuracy on labels that nobody corrected may fall."""
WORST: Final = 0.10
"""So far down may the interval of that reach. Holding it to `MARGIN` takes hundreds of pictures of
such labels, unless not one answer changes: 400 where 2 % turn right and as many turn wrong."""
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
    weighed as often as they happen, and labels that nobody corrected fall by `MARGIN` at most,
    with an interval that does not reach below `WORST`.
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
    if untouched and untouched.gain.low < -WORST:
        return Verdict(passed=False, sentence=f"Not enough evidence yet: {_unclear(untouched)}")
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
            verb = "is" if more == 1 else "are"
            return f"{_counted(more, f'more {what}')} {verb} needed {reason}."
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
    in_turn = found.judged < MANY <= everything.pictures * factor
    # From then on a fold is measured, and no longer all of them in turn.
    judged = FOLDS * everything.pictures * factor if in_turn else found.judged * factor
    more = _rounded(found.corrections * (judged / found.judged - 1))
    size = f"a gain of {100 * everything.gain.mean:.1f} points, as it is now,"
    if more > _MOST_MORE:
        return f"{size} is too small to be shown by any reasonable number of corrections."
    return (
        f"about {_counted(more, 'more correction')} would show {size} four times out of five, with "
        "confirmations in the same proportion."
    )


def _unclear(untouched: Part) -> str:
    """Say how many more pictures would tell how labels fare that nobody corrected."""
    gain = untouched.gain
    factor = ((gain.mean - gain.low) / (gain.mean + WORST)) ** 2
    more = _rounded(untouched.pictures * (factor - 1))
    return (
        f"labels that nobody corrected might be right {-100 * gain.low:.0f} points less often; "
        f"about {_counted(more, 'more confirmed picture')} of them would tell."
    )


def _rounded(number: float) -> int:
    """Round an estimate up, to two digits."""
    step = int(10.0 ** max(0, math.floor(math.log10(number)) - 1))
    return math.ceil(number / step) * step


def _counted(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"
