"""From the outlines of all feedback to its statistics, in one pass."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from itertools import islice
from typing import Any

from imgcap.feedback.statistics.results import (
    Accuracy,
    Bin,
    Calibration,
    Confusion,
    Group,
    Period,
    Ratings,
    Statistics,
    Timeline,
    Unit,
    accuracy_of,
)
from imgcap.feedback.statistics.tally import Tally, alike
from imgcap.feedback.store import Outline

STARS = (1, 2, 3, 4, 5)
CONFUSED = 15
"""Labels that have a row and a column of their own in a confusion table."""
BINS = 10

_UNITS: tuple[tuple[int, Unit], ...] = ((60, "day"), (2 * 366, "week"), (20 * 366, "month"))
_BATCH = 1_000  # outlines in memory at once: a hostile one holds twenty thousand characters

_BETWEEN = "\0"  # a checkpoint and its revision
_SHORT = 7  # characters that tell a commit from others, as a rule

_RIGHT, _WRONG = "right", "wrong"
_VERDICTS = {True: _RIGHT, False: _WRONG}


def statistics_of(outlines: Iterable[Outline]) -> Statistics:
    """Compute the statistics of all feedback in one pass, in bounded memory.

    A correction counts as confirmation if it is the answer but for letter case, white space and
    Unicode form, and names that differ in these alone are one name. Of more names than a tally
    holds, the rarest are counted together.

    Parameters
    ----------
    outlines : iterable of Outline
        In any order, such as `Store.outline` yields.
    """
    days: Counter[tuple[int, int]] = Counter()
    labels, classifiers, captioners = Tally(), Tally(), Tally()
    confused = Tally(most=200, names=2)
    scores = _Scores()
    for batch in _batches(outlines):
        days.update((each.time.toordinal(), each.rating) for each in batch)
        labels.add((each.label.strip(), each.rating) for each in batch)
        classifiers.add((_classifier(each), each.rating) for each in batch)
        captioners.add((_captioner(each), each.rating) for each in batch)

        judged = [each for each in batch if _judged(each.label, each.corrected_label)]
        right = [alike(each.label) == alike(each.corrected_label) for each in judged]
        marked = list(zip(judged, map(_VERDICTS.get, right), strict=True))
        labels.add((each.label.strip(), verdict) for each, verdict in marked)
        classifiers.add((_classifier(each), verdict) for each, verdict in marked)
        confused.add((each.label.strip(), each.corrected_label.strip()) for each in judged)
        scores.add(zip(judged, right, strict=True))

        captioners.add(
            (
                _captioner(each),
                _VERDICTS[alike(each.caption) == alike(each.corrected_caption)],
            )
            for each in batch
            if _judged(each.caption, each.corrected_caption)
        )
    return Statistics(
        _ratings(_by_mark(days)),
        _timeline(days),
        _accuracy_in(_by_mark(labels.counts)),
        _accuracy_in(_by_mark(captioners.counts)),
        _groups(labels),
        _checkpoints(classifiers),
        _checkpoints(captioners),
        scores.calibration(),
        _confusion(confused),
    )


class _Scores:
    """The scores of judged labels, in bins."""

    def __init__(self) -> None:
        self._right, self._judged, self._sums = [0] * BINS, [0] * BINS, [0.0] * BINS
        self._independent = 0

    def add(self, judged: Iterable[tuple[Outline, bool]]) -> None:
        for outline, right in judged:
            score = outline.score
            if score is None or not 0 <= score <= 1:
                continue
            if outline.independent:
                self._independent += 1
                continue
            place = min(int(score * BINS), BINS - 1)
            self._judged[place] += 1
            self._right[place] += right
            self._sums[place] += score

    def calibration(self) -> Calibration:
        bins = tuple(
            Bin(place / BINS, (place + 1) / BINS, total / judged, accuracy_of(right, judged))
            for place, (right, judged, total) in enumerate(
                zip(self._right, self._judged, self._sums, strict=True)
            )
            if judged
        )
        if not bins:
            return Calibration((), None, self._independent)
        gaps = (
            each.accuracy.judged
            * abs(each.accuracy.confirmed / each.accuracy.judged - each.confidence)
            for each in bins
        )
        error = math.fsum(gaps) / sum(self._judged)
        return Calibration(bins, error, self._independent)


def _judged(answer: str, correction: str) -> bool:
    return bool(correction and answer and correction.strip() and answer.strip())


def _classifier(outline: Outline) -> str:
    return _with_revision(outline.classifier, outline.classifier_revision)


def _captioner(outline: Outline) -> str:
    return _with_revision(outline.captioner, outline.captioner_revision)


def _with_revision(checkpoint: str, revision: str) -> str:
    name = checkpoint.replace(_BETWEEN, " ").strip()
    return f"{name}{_BETWEEN}{revision.strip()}" if name else ""


def _batches(outlines: Iterable[Outline]) -> Iterator[list[Outline]]:
    rest = iter(outlines)
    while batch := list(islice(rest, _BATCH)):
        yield batch


def _by_mark(counts: Counter[Any]) -> Counter[Any]:
    marks: Counter[Any] = Counter()
    for (_, mark), number in counts.items():
        marks[mark] += number
    return marks


def _ratings(marks: Counter[Any]) -> Ratings:
    stars = tuple(marks[star] for star in STARS)
    count = sum(stars)
    total = sum(star * number for star, number in zip(STARS, stars, strict=True))
    return Ratings(count, total / count if count else None, stars)


def _accuracy_in(marks: Counter[Any]) -> Accuracy:
    return accuracy_of(marks[_RIGHT], marks[_RIGHT] + marks[_WRONG])


def _timeline(days: Counter[tuple[int, int]]) -> Timeline:
    if not days:
        return Timeline("day", ())
    ordinals = [day for day, _ in days]
    span = max(ordinals) - min(ordinals)
    unit: Unit = next((unit for most, unit in _UNITS if span < most), "year")
    periods: dict[date, Counter[int]] = {}
    for (day, rating), number in days.items():
        periods.setdefault(_start(date.fromordinal(day), unit), Counter())[rating] += number
    return Timeline(
        unit, tuple(Period(start, _ratings(periods[start])) for start in sorted(periods))
    )


def _start(day: date, unit: Unit) -> date:
    match unit:
        case "week":
            return date.fromordinal(day.toordinal() - day.weekday())
        case "month":
            return day.replace(day=1)
        case "year":
            return day.replace(month=1, day=1)
    return day


def _groups(tally: Tally) -> tuple[Group, ...]:
    marks: dict[str | None, Counter[Any]] = {}
    for (name, mark), number in tally.merged().items():
        if name != "":
            marks.setdefault(name, Counter())[mark] += number
    groups = [Group(name, _ratings(each), _accuracy_in(each)) for name, each in marks.items()]
    return tuple(
        sorted(groups, key=lambda group: (group.name is None, -group.ratings.count, group.name))
    )


def _checkpoints(tally: Tally) -> tuple[Group, ...]:
    """Return the groups of checkpoints, their revisions apart and with names of their own."""
    groups = _groups(tally)
    parts = [(group.name or "").partition(_BETWEEN)[::2] for group in groups]
    revisions = Counter(name for name, _ in parts)
    shortened = Counter((name, revision[:_SHORT]) for name, revision in parts)
    return tuple(
        group
        if group.name is None
        else replace(
            group,
            name=_told_apart(name, revision, shortened) if revisions[name] > 1 else name,
            revision=revision,
        )
        for group, (name, revision) in zip(groups, parts, strict=True)
    )


def _told_apart(name: str, revision: str, shortened: Counter[tuple[str, str]]) -> str:
    short = revision[:_SHORT]
    shown = short if shortened[name, short] == 1 else revision
    return f"{name}@{shown}" if shown else name


def _confusion(tally: Tally) -> Confusion:
    pairs = tally.merged()
    totals: Counter[str] = Counter()
    for pair, number in pairs.items():
        for name in pair:
            if name is not None:
                totals[name] += number
    best: list[str | None] = [*sorted(totals, key=lambda name: (-totals[name], name))[:CONFUSED]]
    if any(name not in best for pair in pairs for name in pair):
        best.append(None)
    place = {name: n for n, name in enumerate(best)}
    counts = [[0] * len(best) for _ in best]
    for (predicted, right), number in pairs.items():
        counts[place.get(predicted, -1)][place.get(right, -1)] += number
    return Confusion(tuple(best), tuple(map(tuple, counts)))
