"""The row of the gallery that asks which pictures to label next, and says what came of it."""

from typing import Final

import ipywidgets as widgets

from imgcap.widgets.elements import Message, with_classes
from imgcap.widgets.gallery.teacher import Teacher

WHY: Final = (
    "Puts first the pictures whose right label would teach the most: those that the model is "
    "unsure of, that many others are like, and unlike what was judged."
)
_HOW: Final = (
    "Open one, say which label is right, and let the picture be kept: only kept pictures can be "
    "learned from."
)


class TeachingRow(widgets.Box):
    """A button that puts the pictures most worth a label first, and one that ends it.

    Parameters
    ----------
    teacher : Teacher
        Whose choice is told.
    """

    def __init__(self, teacher: Teacher) -> None:
        self._teacher = teacher
        self.begin = widgets.Button(description="Teach me next", icon="graduation-cap", tooltip=WHY)
        self.end = widgets.Button(icon="times")
        self.told = Message()
        super().__init__([self.begin, self.end, self.told])
        with_classes(self, "row")

    def show(self, left: int) -> None:
        """Say how it stands; `left` of the chosen pictures still wait for a label."""
        teacher = self._teacher
        why_not = teacher.why_not()
        self.begin.disabled = teacher.is_busy or bool(why_not)
        is_active = teacher.is_busy or teacher.chosen is not None
        self.end.description = "Cancel choosing" if teacher.is_busy else "Usual order"
        self.end.layout.display = None if is_active else "none"
        if teacher.problem:
            self.told.warn(teacher.problem)
        elif teacher.is_busy and teacher.seen < teacher.total:
            self.told.tell(f"Looking at {teacher.seen:,} of {teacher.total:,} pictures …")
        elif teacher.is_busy:
            self.told.tell("Looking at what was judged before …")
        elif teacher.chosen is None:
            self.told.tell(why_not)
        else:
            self.told.tell(_outcome(teacher.chosen, left))


def _outcome(chosen: int, left: int) -> str:
    if not chosen:
        return "There is none: each was judged already, or is nearly equal to one that was."
    if not left:
        return "All of them have your label now. Thank you! Ask again for the next ones."
    if left < chosen:
        return f"{left} of {chosen} still wait for your label. {_HOW}"
    if chosen == 1:
        return f"This one would teach the most. {_HOW}"
    return f"These {chosen} would teach the most. {_HOW}"
