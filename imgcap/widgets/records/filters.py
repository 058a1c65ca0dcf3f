"""What a person asks of the stored feedback: words, ratings, days, and in which order."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

import ipywidgets as widgets

from imgcap.feedback import Query
from imgcap.widgets.elements import Fold, row, with_classes
from imgcap.widgets.state import AppState

ORDERS: Final = {
    "Newest first": Query(),
    "Oldest first": Query(descending=False),
    "Best rating first": Query(sort="rating"),
    "Worst rating first": Query(sort="rating", descending=False),
}
_LAST_DAY: Final = date(9998, 12, 31)
"""After it there is another; with a last one, browsers also stop at four digits of a year."""


class Filters(widgets.VBox):
    """Controls that make a query.

    Parameters
    ----------
    state : AppState
        Guards the callbacks.
    on_change : callable
        Called without arguments whenever the query is another.
    """

    def __init__(self, state: AppState, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._quiet = False
        self.search = widgets.Text(
            description="Search", placeholder="words in the feedback", continuous_update=False
        )
        self.order = widgets.Dropdown(description="Order", options=list(ORDERS))
        self.ratings = [
            widgets.Checkbox(description=f"{stars} star{'s' * (stars > 1)}", indent=False)
            for stars in range(1, 6)
        ]
        self.first_day = widgets.DatePicker(description="From", max=_LAST_DAY)
        self.last_day = widgets.DatePicker(description="To", max=_LAST_DAY)
        self.clear = widgets.Button(description="Clear filters", icon="times")
        self._blank = {self.search: "", **dict.fromkeys(self.ratings, False)}
        self._blank |= dict.fromkeys((self.first_day, self.last_day))
        for control in (*self._blank, self.order):
            control.observe(state.guarded(self._tell), "value")
        self.clear.on_click(state.guarded(self._clear))
        ratings = with_classes(row(*self.ratings), "ratings")
        days = with_classes(row(self.first_day, self.last_day), "days")
        super().__init__(
            [
                row(self.search, self.order),
                Fold("Filter by rating or day", ratings, days),
            ]
        )
        with_classes(self, "filters")

    @property
    def query(self) -> Query:
        """What is asked for; a day is one of UTC, as are the times in the grid."""
        order, last = ORDERS[self.order.value], self.last_day.value
        return Query(
            text=self.search.value.strip(),
            ratings=frozenset(n for n, box in enumerate(self.ratings, 1) if box.value),
            since=_midnight(self.first_day.value),
            before=_midnight(last and last + timedelta(days=1)),
            sort=order.sort,
            descending=order.descending,
        )

    @property
    def narrow(self) -> bool:
        """Whether anything at all could be left out."""
        return any(control.value != blank for control, blank in self._blank.items())

    def _tell(self, _change: object = None) -> None:
        if not self._quiet:
            self._on_change()

    def _clear(self, _button: object) -> None:
        with self._once():
            for control, blank in self._blank.items():
                control.value = blank

    @contextmanager
    def _once(self) -> Iterator[None]:
        """Tell of many changes as of one."""
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
        self._on_change()


def _midnight(day: date | None) -> datetime | None:
    return datetime.combine(day, time(), UTC) if day else None
