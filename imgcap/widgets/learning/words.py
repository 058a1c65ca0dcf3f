"""What the page says of learning: what waits, what was measured, which adapters there are."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Final

from imgcap.inference.adapter import AdapterCard
from imgcap.inference.events import Role
from imgcap.learning.background import Method
from imgcap.learning.waiting import Waiting
from imgcap.widgets.answering import Turn
from imgcap.widgets.elements import plain
from imgcap.widgets.learning.figures import gain_of
from imgcap.widgets.learning.known import Change, ChangedAnswer

NOTHING: Final = (
    "There is nothing to learn from yet. Say beside a result which label is right, and allow its "
    "picture to be kept."
)
NO_ADAPTER: Final = "Nothing was learned yet: what is made of feedback is listed here."
NOT_BETTER: Final = "It has not been shown to be better."
NOT_USED: Final = "The last answer came without it: it cannot be used, and the log says why."
KINDS: Final = {
    "probe": "usual way",
    "cache": "from memory",
    "lora": "thoroughly",
}
_ANSWERS: Final[dict[Role, str]] = {"classifier": "Labels", "captioner": "Captions"}


def counted(number: int, name: str) -> str:
    """Return a number of things in words."""
    return f"{number:,} {name}{'' if number == 1 else 's'}"


def waiting_words(waiting: Waiting) -> str:
    """Say how much waits to be learned from, and what is lacking."""
    numbers = {
        "correction": waiting.corrected,
        "confirmed label": waiting.confirmed,
        "corrected caption": waiting.captions,
    }
    new = [counted(number, name) for name, number in numbers.items() if number]
    said = []
    if new:
        *first, last = new
        both = f"{', '.join(first)} and {last}" if first else last
        verb = "waits" if sum(numbers.values()) == 1 else "wait"
        said.append(f"{both} {verb} to be learned from.")
    elif known := waiting.learned + waiting.learned_captions:
        answers = counted(known, "judged answer")
        said.append(f"Nothing new: {answers} {_was(known)} learned from already.")
    if waiting.without_picture:
        number = counted(waiting.without_picture, "judged answer")
        said.append(
            f"{number} cannot be learned from, because no picture was kept: allow it beside the "
            "form for feedback."
        )
    if waiting.confirmed and not can_teach(waiting, "probe"):
        said.append("Every judged label was right so far: something is learned from mistakes.")
    return " ".join(said) or NOTHING


def can_teach(waiting: Waiting, method: Method) -> bool:
    """Whether there is anything to learn in a way."""
    if method == "captions":
        return bool(waiting.captions or waiting.learned_captions)
    return bool(waiting.corrected or waiting.learned)


def spoken(name: str) -> str:
    """Name an adapter for a person, by what its id says: the time in UTC and its kind."""
    kind = name.partition("-")[0]
    return f"{moment(name)} ({KINDS.get(kind, kind)})"


def moment(name: str) -> str:
    """Say when an adapter was made, in UTC, as its id has it."""
    _, date, time, _ = name.split("-")
    return f"{date[:4]}-{date[4:6]}-{date[6:]}, {time[:2]}:{time[2:4]}:{time[4:]} UTC"


def answers_with(
    adapters: Mapping[str, Turn],
    trial: AdapterCard | None,
    revisions: Mapping[Role, str],
    deleted: Mapping[str, int],
    lost: str = "",
) -> str:
    """Say which adapters answer on the page, and what that means for others.

    Parameters
    ----------
    revisions : mapping
        By role what gave the last answers: one that names no adapter came without any.
    deleted : mapping
        How many of an adapter's records are gone, by its id.
    lost : str
        The id of an adapter that should answer and cannot be read.
    """
    said = []
    for role, what in _ANSWERS.items():
        name = adapters.get(role, Turn()).adapter
        if trial and name == trial.id:
            note = "" if trial.passed else f" {NOT_BETTER}"
            said.append(f"You are trying what was learned {spoken(name)}, on this page only.{note}")
        elif name and name == lost:
            said.append(f"{what} come without what was learned {spoken(name)}: it cannot be read.")
        elif name:
            said.append(f"{what} come with what was learned {spoken(name)}.")
        if gone := deleted.get(name, 0):
            said.append(
                f"{counted(gone, 'record')} that it learned from {_was(gone)} deleted since."
            )
        if name and name != lost and "+" not in revisions.get(role, "+"):
            said.append(NOT_USED)
    return " ".join(said) or "The models answer as they came, without anything learned here."


def listed(
    cards: Sequence[AdapterCard], states: Mapping[str, str], deleted: Mapping[str, int]
) -> str:
    """Return markup of a table of adapters; `states` says of each what it is used for."""
    if not cards:
        return f"<p>{NO_ADAPTER}</p>"
    rows = "".join(
        f"<tr><td>{escape(spoken(card.id))}<br>"
        f'<span class="imgcap-muted">{escape(plain(_labels(card)))}</span></td>'
        f"<td>{escape(states[card.id])}</td><td>{gain_of(card.figures)}</td>"
        f"<td>{len(card.records):,}{_gone(deleted.get(card.id, 0))}</td></tr>"
        for card in cards
    )
    names = ("Learned", "State", "Gain", "From records")
    head = "".join(f'<th scope="col">{name}</th>' for name in names)
    return (
        '<div class="imgcap-scroll" role="group" tabindex="0" aria-label="What was learned">'
        f'<table class="imgcap-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        "</div>"
    )


def _labels(card: AdapterCard, most: int = 3) -> str:
    names = [*card.labels[:most], *["…"] * (len(card.labels) > most)]
    return f"{', '.join(names)} — {card.checkpoint}" if names else card.checkpoint


def _gone(number: int) -> str:
    if not number:
        return ""
    return f'<br><span class="imgcap-muted">{number:,} {_was(number)} deleted since</span>'


def _was(number: int) -> str:
    return "was" if number == 1 else "were"


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
