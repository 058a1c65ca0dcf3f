"""What a chart of confidence draws: the best labels, and the others together."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from imgcap.charts.theme import literally, wrapped
from imgcap.inference import Classification, Prediction
from imgcap.labels import subject
from imgcap.percentages import percent

MOST_MARKS = 15
"""More labels than this have no room beside each other on a telephone."""

NOTHING_YET = "Nothing to chart yet: labels appear here once a picture has been looked at."

_MOST_NAMED = 6  # of the others, under the pointer
_NAMED_CELLS = 24
_BETWEEN_WORDS = " _-./"
_LEAST_SHARED = 5  # characters; "a " is no relief


@dataclass(frozen=True)
class Mark:
    """One bar, slice or point: a label, or all labels beyond the best ones together.

    Parameters
    ----------
    label : str
        As it came, not escaped.
    score : float
        In 0..1.
    others : tuple of Prediction
        The labels it stands for, best first; empty if it is a label of its own.
    """

    label: str
    score: float
    others: tuple[Prediction, ...] = ()

    @property
    def hover(self) -> str:
        """The whole label and its exact score, for plotly's markup; of the others, the best."""
        lines = [wrapped(self.label), f"<b>{exact_percent(self.score)}</b>"]
        lines += [
            f"{shortened(other.label, _NAMED_CELLS)} {exact_percent(other.score)}"
            for other in self.others[:_MOST_NAMED]
        ]
        if len(self.others) > _MOST_NAMED:
            lines.append("…")
        return "<br>".join(lines)


def best_marks(classification: Classification | None, top: int) -> list[Mark]:
    """Return the marks of a chart of one picture."""
    if not classification:
        return []
    return marks_of(classification.predictions, top, independent=classification.independent)


def marks_of(predictions: Sequence[Prediction], top: int, *, independent: bool) -> list[Mark]:
    """Return the best labels, then the others together if that has sense.

    Parameters
    ----------
    predictions : sequence of Prediction
        Best first.
    top : int
        How many labels are marks by themselves, at most `MOST_MARKS`.
    independent : bool
        Whether each score stands by itself, so that a sum of them means nothing.
    """
    top = max(1, min(top, MOST_MARKS))
    best, rest = predictions[:top], tuple(predictions[top:])
    marks = [Mark(prediction.label, prediction.score) for prediction in best]
    if rest and not independent:
        label = f"{len(rest):,} other label{'s' if len(rest) > 1 else ''}"
        marks.append(Mark(label, sum(prediction.score for prediction in rest), rest))
    return marks


def mark_names(marks: Sequence[Mark], cells: int) -> list[str]:
    """Return what stands beside marks, for plotly's markup, in so many character cells each.

    If that is too few for one of them, all do without a leading "a photo of".
    """
    labels = [mark.label for mark in marks if not mark.others]
    if any(cell_len(label) > cells for label in labels):
        subjects = [subject(label) for label in labels]
        labels = subjects if len({*subjects}) == len({*labels}) else labels
    own = iter(distinct(labels, cells))
    return [f"<i>{mark.label}</i>" if mark.others else next(own) for mark in marks]


def distinct(names: Sequence[str], cells: int) -> list[str]:
    """Return names for plotly's markup, shortened so that they can still be told apart."""
    return [shortened(name, cells) for name in without_shared_start(names, cells)]


def without_shared_start(names: Sequence[str], cells: int) -> list[str]:
    """Leave out what all names begin with if one of them takes more than so many cells.

    Of "holidays in the mountains, picture 1.jpg" and its like the ends tell them apart.
    """
    # In spite of its place it is about any strings, character by character.
    shared = os.path.commonprefix(names) if len(set(names)) > 1 else ""  # noqa: RUF071
    start = max(shared.rfind(mark) for mark in _BETWEEN_WORDS) + 1
    if start < _LEAST_SHARED or all(cell_len(name) <= cells for name in names):
        return [*names]
    return ["…" + name[start:] for name in names]


def shortened(label: str, cells: int) -> str:
    """Return a label for plotly's markup that takes at most so many character cells."""
    if cell_len(label) <= cells:
        return literally(label)
    return literally(set_cell_size(label, cells - 1).rstrip()) + "…"


def exact_percent(score: float) -> str:
    """Write a score in 0..1 with three decimals, never as a false certainty."""
    return percent(score, decimals=3)
