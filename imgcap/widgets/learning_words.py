"""What the page says of learning: what waits, what was measured, which adapters there are."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final

from imgcap.charts.learning import Compared, points
from imgcap.feedback.statistics import Accuracy, accuracy_of
from imgcap.inference.adapter import AdapterCard
from imgcap.learning.waiting import Waiting
from imgcap.percentages import SIGN, share_percent
from imgcap.widgets.answering import Turn
from imgcap.widgets.elements import plain
from imgcap.widgets.learning_known import Change, ChangedAnswer

NOTHING: Final = (
    "There is nothing to learn from yet. Say beside a result which label is right, and allow its "
    "picture to be kept."
)
NO_ADAPTER: Final = "Nothing was learned yet: what is made of feedback is listed here."
NOT_BETTER: Final = "It has not been shown to be better."
KINDS: Final = {
    "probe": "moved labels",
    "cache": "remembered pictures",
    "lora": "changed model",
}
_ANSWERS: Final = {"classifier": "Labels", "captioner": "Captions"}
_PARTS: Final = {
    "everything": "All judged pictures",
    "corrected": "Of corrected labels",
    "untouched": "Of other labels",
}
_HEAD: Final = (
    "Pictures nobody had shown it",
    "Judged",
    "Right",
    "Right, label by label",
    "Calibration error",
    "Gain (95" + SIGN + " interval)",
)
_SURE, _VERY_SURE = 0.05, 0.001


def counted(number: int, name: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def waiting_words(waiting: Waiting) -> str:
    """Say how much waits to be learned from, and what is lacking."""
    said = []
    if waiting.new:
        corrected = counted(waiting.corrected, "correction")
        confirmed = counted(waiting.confirmed, "confirmed label")
        verb = "waits" if waiting.new == 1 else "wait"
        both = " and ".join(
            words
            for words, number in ((corrected, waiting.corrected), (confirmed, waiting.confirmed))
            if number
        )
        said.append(f"{both} {verb} to be learned from.")
    elif waiting.learned:
        said.append(f"All {counted(waiting.learned, 'judged label')} were learned from already.")
    if waiting.without_picture:
        number = counted(waiting.without_picture, "judged label")
        said.append(
            f"{number} cannot be learned from, because no picture was kept: allow it beside the "
            "form for feedback."
        )
    if waiting.confirmed and not (waiting.corrected or waiting.learned):
        said.append("Every one of them was right so far: something is learned from mistakes.")
    return " ".join(said) or NOTHING


def spoken(name: str) -> str:
    """Name an adapter for a person, by what its id says: its kind and the time in UTC."""
    kind, date, time, _ = name.split("-")
    day = f"{date[:4]}-{date[4:6]}-{date[6:]}"
    return f"{KINDS.get(kind, kind)} of {day}, {time[:2]}:{time[2:4]} UTC"


def answers_with(adapters: Mapping[str, Turn], trial: AdapterCard | None) -> str:
    """Say which adapters answer on the page, and what that means for others."""
    said = []
    for role, what in _ANSWERS.items():
        name = adapters.get(role, Turn()).adapter
        if trial and name == trial.id:
            note = "" if trial.passed else f" {NOT_BETTER}"
            said.append(f"You are trying the {spoken(name)}, on this page only.{note}")
        elif name:
            said.append(f"{what} come with an adapter, the {spoken(name)}.")
    return " ".join(said) or "The models answer as they came, without anything learned here."


def compared(figures: Mapping[str, Any]) -> list[Compared]:
    """Return what an adapter's figures say of each part; nothing if they say something else."""
    try:
        return [
            Compared(
                name,
                _accuracy(row["before"], row["pictures"]),
                _accuracy(row["after"], row["pictures"]),
                *(float(row["gain"][key]) for key in ("mean", "low", "high")),
            )
            for part, name in _PARTS.items()
            if (row := figures[part])
        ]
    except (KeyError, TypeError, ValueError):
        return []


def _accuracy(measures: Mapping[str, Any], pictures: int) -> Accuracy:
    return accuracy_of(round(measures["accuracy"] * pictures), pictures)


def measured(figures: Mapping[str, Any]) -> str:
    """Return markup of a table of before and after, and of how likely that is chance."""
    parts = compared(figures)
    try:
        rows = "".join(_row(part, figures) for part in parts)
        told = chance(float(figures["everything"]["mcnemar"]))
    except (KeyError, TypeError, ValueError):
        return ""
    head = "".join(f'<th scope="col">{name}</th>' for name in _HEAD)
    return (
        '<div class="imgcap-scroll" role="group" tabindex="0" aria-label="Before and after">'
        f'<table class="imgcap-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        f'</div><p class="imgcap-muted">{told}</p>'
    )


def _row(part: Compared, figures: Mapping[str, Any]) -> str:
    [key] = [key for key, name in _PARTS.items() if name == part.name]
    before, after = (figures[key][when] for when in ("before", "after"))
    cells = (
        f"{part.before.judged:,}",
        *(
            f"{share_percent(before[name], 1)} → {share_percent(after[name], 1)}"
            for name in ("accuracy", "macro_accuracy", "ece")
        ),
        points(part),
    )
    tail = "".join(f"<td>{cell}</td>" for cell in cells)
    return f'<tr><th scope="row">{part.name}</th>{tail}</tr>'


def chance(p: float) -> str:
    """Say what McNemar's test says."""
    figure = f"p = {p:.3f}" if p >= _VERY_SURE else "p &lt; 0.001"
    how = "may well be" if p >= _SURE else "is hardly" if p < _VERY_SURE else "is unlikely to be"
    return f"The difference {how} chance (McNemar’s test, {figure})."


def listed(
    cards: Sequence[AdapterCard], states: Mapping[str, str], deleted: Mapping[str, int]
) -> str:
    """Return markup of a table of adapters; `states` says of each what it is used for."""
    if not cards:
        return f"<p>{NO_ADAPTER}</p>"
    rows = "".join(
        f"<tr><td>{escape(spoken(card.id))}<br>"
        f'<span class="imgcap-muted">{escape(plain(_labels(card)))}</span></td>'
        f"<td>{len(card.records):,}{_gone(deleted.get(card.id, 0))}</td>"
        f"<td>{_gain(card)}</td><td>{escape(states[card.id])}</td></tr>"
        for card in cards
    )
    names = ("Learned", "From records", "Gain", "State")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        '<div class="imgcap-scroll" role="group" tabindex="0" aria-label="What was learned">'
        f'<table class="imgcap-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )


def _labels(card: AdapterCard, most: int = 3) -> str:
    names = [*card.labels[:most], *["…"] * (len(card.labels) > most)]
    return f"{', '.join(names)} — {card.checkpoint}" if names else card.checkpoint


def _gain(card: AdapterCard) -> str:
    parts = compared(card.figures)
    return points(parts[0]) if parts else ""


def _gone(number: int) -> str:
    if not number:
        return ""
    verb = "was" if number == 1 else "were"
    return f'<br><span class="imgcap-muted">{number:,} {verb} deleted since</span>'


def changes(shown: Sequence[ChangedAnswer]) -> str:
    """Return markup of answers that changed."""
    if not shown:
        return ""
    items = "".join(
        f'<li><img src="{escape(each.address)}" alt="{escape(plain(each.name))}">'
        f"<span>{_words(each.change)}</span></li>"
        for each in shown
    )
    return f'<h3>Answers that changed</h3><ul class="imgcap-changes">{items}</ul>'


def _words(change: Change) -> str:
    before, after, right = (
        escape(plain(label)) for label in (change.before, change.after, change.right)
    )
    note = f"right would be {right}"
    if change.after == change.right:
        note = "right now"
    elif change.before == change.right:
        note = "wrong now"
    return f'{before} → <strong>{after}</strong><br><span class="imgcap-muted">{note}</span>'
