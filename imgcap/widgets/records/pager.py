"""Buttons that leaf through more rows than one page shows."""

from collections.abc import Callable
from typing import Final

import ipywidgets as widgets

from imgcap.widgets.elements import markup, row, with_classes
from imgcap.widgets.state import AppState

LIMITS: Final = (50, 100, 500)
FIRST_LIMIT: Final = 100


class Pager(widgets.Box):
    """First, previous, next, last, any page by its number, and how many rows each has.

    Parameters
    ----------
    state : AppState
        Guards the callbacks.
    on_change : callable
        Called without arguments whenever another page is wanted.

    Attributes
    ----------
    page : int
        The page that is wanted, from 0 on.
    """

    def __init__(self, state: AppState, on_change: Callable[[], None]) -> None:
        self.page = 0
        self._total = 0
        self._on_change = on_change
        self._showing = False
        self._limit = FIRST_LIMIT
        self.first = widgets.Button(description="First")
        self.previous = widgets.Button(description="Previous")
        self.next = widgets.Button(description="Next")
        self.last = widgets.Button(description="Last")
        self.number = with_classes(widgets.BoundedIntText(description="Page", min=1), "compact")
        self.pages = with_classes(markup(), "compact")
        self.size = with_classes(
            widgets.Dropdown(description="Rows a page", options=LIMITS, value=FIRST_LIMIT),
            "compact",
        )
        self._steps: dict[widgets.Button, Callable[[], int]] = {
            self.first: lambda: 0,
            self.previous: lambda: self.page - 1,
            self.next: lambda: self.page + 1,
            self.last: lambda: self._last,
        }
        for button in self._steps:
            button.on_click(state.guarded(self._step))
        self.number.observe(state.guarded(self._jump), "value")
        self.size.observe(state.guarded(self._resize), "value")
        super().__init__(
            [
                row(self.first, self.previous, self.next, self.last),
                row(self.number, self.pages, self.size),
            ]
        )
        with_classes(self, "row", "apart")
        self.show(0, 0)

    @property
    def limit(self) -> int:
        """How many rows a page has."""
        return self._limit

    @property
    def _last(self) -> int:
        return max(0, self._total - 1) // self._limit

    def show(self, page: int, total: int) -> None:
        """Say which page of how many rows is on screen; that is no wish for another."""
        self.page, self._total = page, total
        self._showing = True
        try:
            self.number.max = self._last + 1
            self.number.value = page + 1
        finally:
            self._showing = False
        self.pages.value = f"of {self._last + 1:,}"
        self._enable()

    def _enable(self) -> None:
        for button, aim in self._steps.items():
            button.disabled = not 0 <= aim() <= self._last or aim() == self.page

    def _go(self, page: int) -> None:
        page = min(max(page, 0), self._last)
        if page != self.page:
            self.page = page
            self._enable()
            self._on_change()

    def _step(self, button: widgets.Button) -> None:
        self._go(self._steps[button]())

    def _jump(self, _change: object) -> None:
        if not self._showing:
            self._go(self.number.value - 1)

    def _resize(self, _change: object) -> None:
        first = self.page * self._limit
        self._limit = self.size.value
        self.page = first // self._limit  # what was the first row stays in sight
        self._on_change()
