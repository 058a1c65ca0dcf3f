"""The edits of one picture as a person goes back and forth in them; nothing here is changed."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from imgcap.edits.base import Edit

Edits = tuple[Edit, ...]


def current(edits: Sequence[Edit], kind: type[Edit]) -> Edit | None:
    """Return the edit that a slider of that kind stands for, and would change; None if none yet.

    That is the last of its kind. A rotation counts only as long as nothing has moved since: a crop
    that was drawn on the rotated picture would cut something else after another rotation.
    """
    for edit in reversed(edits):
        if isinstance(edit, kind):
            return edit
        if not (kind.keeps_places or edit.keeps_places):
            return None
    return None


def adjusted(edits: Sequence[Edit], edit: Edit) -> Edits:
    """Return the list with one more edit, or with that of a slider changed where it stands."""
    known = current(edits, type(edit)) if edit.slides else None
    if known is None:
        return tuple(edits) if edit.is_neutral else (*edits, edit)
    place = next(n for n, each in enumerate(edits) if each is known)
    changed = () if edit.is_neutral else (edit,)
    return (*edits[:place], *changed, *edits[place + 1 :])


@dataclass(frozen=True)
class History:
    """What is done to a picture, what was before, and what was undone.

    Parameters
    ----------
    present : tuple of Edit
        The edits as they are.
    past, future : tuple of tuple of Edit
        What undo and redo bring, the next one last.
    sliding : type of Edit, optional
        The slider that was moved last: further moves of it are one step together.
    """

    present: Edits = ()
    past: tuple[Edits, ...] = ()
    future: tuple[Edits, ...] = ()
    sliding: type[Edit] | None = None

    def do(self, edit: Edit) -> "History":
        """Add an edit, or change that of a slider; what was undone is forgotten."""
        edits = adjusted(self.present, edit)
        if edits == self.present:
            return self
        if self.sliding is type(edit):
            if self.past and edits == self.past[-1]:  # moved back to where it was
                return History(edits, self.past[:-1])
            return replace(self, present=edits, future=())
        return History(edits, (*self.past, self.present), (), type(edit) if edit.slides else None)

    def undo(self) -> "History":
        """Go back by a step, if there is one."""
        if not self.past:
            return self
        return History(self.past[-1], self.past[:-1], (*self.future, self.present))

    def redo(self) -> "History":
        """Take an undo back, if there was one."""
        if not self.future:
            return self
        return History(self.future[-1], (*self.past, self.present), self.future[:-1])

    def reset(self) -> "History":
        """Go back to the picture as it came; this can be undone."""
        return History((), (*self.past, self.present)) if self.present else self
