"""What all feedback says of the models: figures, charts and tables, counted when asked for."""

from collections.abc import Sequence
from html import escape

import ipywidgets as widgets
from plotly import graph_objects as go

from imgcap.charts.statistics import NO_FEEDBACK, STATISTICS_KINDS, statistics_figure
from imgcap.charts.statistics.panes import exact_share, span
from imgcap.feedback.statistics import Accuracy, Statistics, statistics_of
from imgcap.percentages import SIGN
from imgcap.widgets.browser import ChartImages
from imgcap.widgets.elements import Card, Fold, Message, markup, row
from imgcap.widgets.figures import composed, living, redraw
from imgcap.widgets.state import AppState

COUNTING = "Counting the feedback …"
NOT_COUNTED = "The feedback could not be counted."
NOTHING = "<p>No feedback yet: what people say of the results is counted here.</p>"
BIAS = (
    "People choose which answers they judge, and mistakes ask for it more than successes do: of "
    "all its answers a model may get more right than of the judged ones."
)
MOST_ROWS = 100


class StatisticsPanel(Card):
    """Statistics of the feedback of all pages, in a fold.

    Nothing is counted or drawn until the fold is opened. From then on what this page saves is
    counted at once, and what others save on refresh; one count at a time.

    Parameters
    ----------
    state : AppState
        Its store is counted; its `dark` decides the colours.
    """

    def __init__(self, state: AppState) -> None:
        super().__init__("How good the models have been", "statistics")
        self._state = state
        self._busy, self._wanted = False, True
        self.statistics: Statistics | None = None
        self.figure: go.FigureWidget | None = None
        self.figures = markup()
        self.kind = widgets.Dropdown(
            description="Show",
            options=[(kind.name, key) for key, kind in STATISTICS_KINDS.items()],
        )
        self.refresh = widgets.Button(description="Refresh", icon="refresh")
        self.message = Message()
        self.table = markup()
        self.fold = Fold("Charts and figures")
        self.fill(self.fold)
        self.fold.button.observe(state.guarded(self._open), "is_open")
        self.kind.observe(state.guarded(self._draw), "value")
        self.refresh.on_click(state.guarded(self._count))
        state.observe(state.guarded(self._count), "saved")
        state.observe(state.guarded(self._draw), "dark")

    def _open(self, _change: object = None) -> None:
        if self.figure is None:
            # Costs a page 5 MB, so only who opens the fold gets it.
            self.figure = living(self._drawing(), "feedback")
            self.fold.body.children = (
                self.figures,
                row(self.kind, self.refresh),
                self.message,
                self.figure,
                ChartImages(),
                Fold("The same as a table", self.table),
            )
        self._go()

    def _count(self, _change: object = None) -> None:
        self._wanted = True
        self._go()

    def _go(self) -> None:
        if self._busy or not self._wanted or not self.fold.button.is_open:
            return
        self._busy, self._wanted = True, False
        self.refresh.disabled = True
        if self.statistics is None:
            self.message.tell(COUNTING)
        store = self._state.store
        self._state.in_background(lambda: statistics_of(store.outline()), self._show, self._failed)

    def _show(self, statistics: Statistics) -> None:
        self.statistics = statistics
        self.figures.value = figures(statistics)
        self.message.clear()
        self._done()

    def _failed(self, sentence: str) -> None:
        self.message.warn(sentence)
        self._done()

    def _done(self) -> None:
        self._busy = False
        self._draw()
        self.refresh.disabled = False
        self._go()

    def _draw(self, _change: object = None) -> None:
        if self.figure is not None:
            redraw(self.figure, self._drawing())
        if self.statistics is not None:
            kind = STATISTICS_KINDS[self.kind.value]
            self.table.value = table(kind.name, kind.rows(self.statistics))

    def _drawing(self) -> go.Figure:
        chosen, empty = self.kind.value, NO_FEEDBACK
        if self.statistics is None:
            empty = COUNTING if self._busy or self._wanted else NOT_COUNTED
        drawings = {
            key: statistics_figure(
                key,
                self.statistics if key == chosen else None,
                dark=self._state.dark,
                empty=empty,
            )
            for key in STATISTICS_KINDS
        }
        return composed(drawings, chosen)


def figures(statistics: Statistics) -> str:
    """Return the figures that stand above the charts."""
    ratings = statistics.ratings
    if ratings.mean is None:
        return NOTHING
    count = f"{ratings.count:,}</strong> rating{'s' if ratings.count > 1 else ''}"
    lines = [f"<strong>{count}, <strong>{ratings.mean:.1f}</strong> of 5 in the mean."]
    lines += [
        _told(*answers)
        for answers in (
            ("labels", statistics.label_accuracy),
            ("captions", statistics.caption_accuracy),
        )
    ]
    bias = f'<p class="imgcap-muted">{BIAS}</p>'
    anything = statistics.label_accuracy.judged or statistics.caption_accuracy.judged
    return f"<p>{'<br>'.join(lines)}</p>{bias if anything else ''}"


def _told(answers: str, accuracy: Accuracy) -> str:
    if accuracy.share is None:
        return f"No {answers} were judged right or wrong yet."
    return (
        f"<strong>{exact_share(accuracy.share)}</strong> of {accuracy.judged:,} judged {answers} "
        f'were right <span class="imgcap-muted">(95{SIGN} interval {span(accuracy)})</span>.'
    )


def table(name: str, rows: Sequence[Sequence[str]]) -> str:
    """Return markup of a table whose first row names its columns; its texts are escaped."""
    head, *body = rows
    if not body:
        return "<p>There is nothing to tell yet.</p>"
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = ("".join(f"<td>{escape(cell)}</td>" for cell in line) for line in body[:MOST_ROWS])
    more = len(body) - MOST_ROWS
    rest = f'<p class="imgcap-muted">… and {more:,} more.</p>' if more > 0 else ""
    return (
        f'<div class="imgcap-scroll" role="group" tabindex="0" aria-label="{escape(name)}">'
        f'<table class="imgcap-table"><thead><tr>{heads}</tr></thead>'
        f"<tbody>{''.join(f'<tr>{line}</tr>' for line in lines)}</tbody></table></div>{rest}"
    )
