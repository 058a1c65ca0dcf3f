"""The chart panel: a choice of chart kinds over one figure that changes in place."""

import ipywidgets as widgets
import traitlets
from plotly import graph_objects as go

from imgcap.charts import FIRST_TURN, KINDS, NOTHING_YET, Drawable, Kind, eye, figure
from imgcap.widgets.browser import ChartImages, DownloadButton
from imgcap.widgets.elements import Card, Fold, Progress, markup, row, with_classes
from imgcap.widgets.figures import composed, living, redraw
from imgcap.widgets.gatherer import COMPARING, NOT_COMPARED, Answers, Gatherer
from imgcap.widgets.stage import Place, Scene, Stage
from imgcap.widgets.state import AppState
from imgcap.widgets.statistics import table

_OF_ALL = "imgcap-of-all"
_ASIDE = "imgcap-aside"  # not taken away: a figure's view that is gone breaks those that stay
_QUESTION = ["pictures", "statuses", "paused", "working", "labels", "classify_options", "engine"]


class ChartPanel(Card):
    """The confidence of the picture's labels, or of all pictures', drawn as a person chooses.

    One figure holds the traces of all flat kinds, and only those of the chosen kind have data.
    Those in space have a figure of their own, made for the first of them: plotly keeps a room in
    space, and the browser's 3-D drawing at work, for traces that are not even seen.

    Parameters
    ----------
    state : AppState
        Its `description`, `chart_kind`, `top` and `dark` decide what is drawn.
    analyst : Answers
        Knows the scores of the other pictures.
    """

    def __init__(self, state: AppState, analyst: Answers) -> None:
        super().__init__("How sure it is", "chart")
        self._state = state
        self.stage = Stage.of(state)
        self._gatherer = Gatherer(state, analyst, self._redraw, self._show_progress)
        self._data: Drawable | None = None
        self._seen: tuple[object, ...] = ()
        self.kind = widgets.Dropdown(
            description="Chart", options=[(kind.name, key) for key, kind in KINDS.items()]
        )
        traitlets.link((state, "chart_kind"), (self.kind, "value"))
        self.progress = Progress("Progress of the chart")
        self.stop = widgets.Button(description="Cancel", icon="times")
        self.again = widgets.Button(description="Go on", icon="refresh")
        self.waiting = row(self.progress, self.stop)
        self.turn = widgets.IntSlider(FIRST_TURN, 0, 355, 5, description="Turn", readout=False)
        self.table = markup()
        self.fold = Fold("The same as a table", self.table)
        self.html = DownloadButton(
            label="HTML",
            name="Download chart as HTML",
            file_name="confidence.html",
            mime="text/html",
            make=self._document,
            on_error=state.report,
        )
        self.images = ChartImages()
        self.downloads = row(self.images, self.html)
        self._figures: dict[bool, go.FigureWidget] = {}
        self._room = with_classes(widgets.VBox(), "figures")
        self._draw(*self._look())
        self._place = Place(self.stage, "chart")
        self._show_progress(None)
        self._show_around()
        self._follow_picture()
        self.fill(
            self.kind,
            self._room,
            self.turn,
            self.waiting,
            self.again,
            self.downloads,
            self.fold,
            self._place,
        )
        self.stage.observe(state.guarded(self._redraw), "scene")
        state.observe(state.guarded(self._choose), "chart_kind")
        state.observe(state.guarded(self._redraw), ["top", "dark"])
        state.observe(state.guarded(self._gather), _QUESTION)
        self.stop.on_click(state.guarded(lambda _: self._gatherer.stop()))
        self.again.on_click(state.guarded(lambda _: self._gatherer.go_on()))
        self.turn.observe(state.guarded(self._turn), "value")
        self.fold.button.observe(state.guarded(self._show_around), "is_open")

    @property
    def figure(self) -> go.FigureWidget:
        """The figure that is seen: the flat one, or that in space."""
        return self._figures[self._is_solid]

    @property
    def _chosen(self) -> Kind:
        return KINDS[self._state.chart_kind]

    @property
    def _is_of_all(self) -> bool:
        return self._chosen.subject in {"pictures", "space"}

    @property
    def _is_solid(self) -> bool:
        return self._chosen.solid and self._data is not None

    def _look(self) -> tuple[Drawable | None, str]:
        """Return what there is to draw, and the sentence if that is nothing."""
        if self._chosen.subject != "picture":
            return self._gatherer.look()
        scene = self.stage.scene
        return scene.shown.classification if scene.shown else None, empty(scene)

    def _draw(self, data: Drawable | None, sentence: str) -> None:
        self._data = data
        solid, dark = self._is_solid, self._state.dark
        kinds = [key for key, kind in KINDS.items() if kind.solid == solid]
        chosen = self._chosen.key if self._chosen.key in kinds else kinds[0]
        drawings = {
            key: figure(
                key,
                data if key == chosen else None,
                top=self._state.top,
                dark=dark,
                empty=sentence,
            )
            for key in kinds
        }
        drawing = composed(drawings, chosen)
        if solid:
            self._turn_like_shown(drawing)
        if solid in self._figures:
            redraw(self._figures[solid], drawing)
        else:
            self._figures[solid] = living(drawing, "confidence")
            self._room.children = (*self._room.children, widgets.VBox([self.figure]))
            self.images.figures = len(self._figures)
        for box in self._room.children:
            seen = box.children[0] is self.figure
            (box.remove_class if seen else box.add_class)(_ASIDE)

    def _choose(self, _change: object) -> None:
        self.turn.value = FIRST_TURN
        self._gatherer.go_on()  # which draws

    def _gather(self, _change: object) -> None:
        if self._chosen.subject != "picture":
            self._redraw()

    def _redraw(self, _change: object = None) -> None:
        state, kind = self._state, self._chosen
        data, sentence = self._look()
        seen = (kind.key, data, sentence, state.top, state.dark)
        if kind.subject != "picture" and seen == self._seen:
            self._follow_picture()
            return
        self._follow_picture()  # first: what differs is not seen
        self._draw(data, sentence)
        self._seen = seen
        self._show_around()

    def _turn_like_shown(self, drawing: go.Figure) -> None:
        """Look at a drawing as the visitor looks at the figure, by hand or with the slider."""
        key, there = self._chosen.key, self._figures.get(True)
        if (
            there is not None
            and self._seen[:1] == (key,)
            and there.layout.scene.camera.eye.x is not None
        ):
            drawing.layout.scene.camera = there.layout.scene.camera
        else:
            drawing.layout.scene.camera.eye = eye(self.turn.value)

    def _follow_picture(self) -> None:
        picture = self.stage.scene.picture
        (self.add_class if self._is_of_all else self.remove_class)(_OF_ALL)
        self._place.drawn = picture.id if picture else ""

    def _show_around(self, _change: object = None) -> None:
        """Show what belongs to the chosen kind beside the figure."""
        kind, there = self._chosen, self._data is not None
        for part, wanted in (
            (self.turn, self._is_solid),
            (self.downloads, there),
            (self.fold, kind.rows and there),
            (self.again, kind.subject != "picture" and self._gatherer.ended),
        ):
            part.layout.display = None if wanted else "none"
        if kind.rows and there and self.fold.button.is_open:
            self.table.value = table(kind.name, kind.rows(self._data, self._state.top))

    def _turn(self, _change: object) -> None:
        if self._is_solid:
            self.figure.layout.scene.camera.eye = eye(self.turn.value)
            # For views that are opened from here on, as in `redraw`.
            self.figure.set_trait("_widget_layout", self.figure.layout.to_plotly_json())

    def _show_progress(self, share: float | None) -> None:
        self.waiting.layout.display = "none" if share is None else None
        self.progress.show(share)

    def _document(self) -> bytes:
        """Return the chart as a page that needs nothing else."""
        kind, state = self._chosen, self._state
        drawing = figure(kind.key, self._data, top=state.top, dark=state.dark)
        drawing.layout.height = None  # as high as the window
        if self._is_solid:
            self._turn_like_shown(drawing)
        page: str = drawing.to_html(include_plotlyjs=True, config={"displaylogo": False})
        return page.encode("utf-8", "replace")


def empty(scene: Scene) -> str:
    """Say why there is nothing to draw, if that is so."""
    if scene.picture is None:
        return NOTHING_YET
    return COMPARING if scene.busy else NOT_COMPARED
