"""What preview, result and chart show at one moment, and how it reaches the page at one moment."""

from dataclasses import dataclass, replace
from weakref import WeakKeyDictionary

from traitlets import Bool, Bytes, Instance, Unicode

from imgcap.inference import Description
from imgcap.widgets.browser.base import FOLDER, BrowserWidget
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState

CANCELLED = "Cancelled: “Try again” goes on."


@dataclass(frozen=True)
class Scene:
    """One consistent view of the picture on screen.

    Parameters
    ----------
    picture : Shown or None
        The picture on screen.
    description : Description or None
        What is known about it under the present question.
    earlier : Description or None
        Answers to an earlier question about the same picture, while new ones are on their way.
    status : str
        ``waiting``, ``working`` or ``done``; anything else says why an answer is missing.
    """

    picture: Shown | None = None
    description: Description | None = None
    earlier: Description | None = None
    status: str = "done"

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self.status in {"waiting", "working"}

    @property
    def failure(self) -> str:
        """Why an answer is missing, if none is to come."""
        return "" if self.busy or self.status == "done" else self.status

    @property
    def old_labels(self) -> bool:
        """Whether the labels' scores are the answer to an earlier question."""
        new = self.description is not None and self.description.classification is not None
        return not new and self.earlier is not None and self.earlier.classification is not None

    @property
    def old_caption(self) -> bool:
        """Whether the caption is the answer to an earlier question."""
        new = self.description is not None and self.description.captions is not None
        return not new and self.earlier is not None and self.earlier.captions is not None

    @property
    def shown(self) -> Description | None:
        """What is there to be read: the new answers, and earlier ones where they are awaited."""
        if self.description is None or self.earlier is None:
            return self.description or self.earlier
        return replace(
            self.description,
            classification=self.description.classification or self.earlier.classification,
            captions=self.description.captions or self.earlier.captions,
        )

    def following(self, state: AppState) -> "Scene":
        """Return the scene that comes after this one, from the state as it is now."""
        picture, description = state.picture, state.description
        if picture is None:
            return Scene()
        if description is not None and description.sha256 != picture.id:
            description = None
        status = state.statuses.get(picture.id, "waiting")
        if state.paused and status == "waiting":
            status = CANCELLED
        scene = Scene(picture, description, status=status)
        if scene.busy and self.picture is not None and self.picture.id == picture.id:
            return replace(scene, earlier=self.shown)
        return scene


class Stage(BrowserWidget):
    """The places of a page that must never contradict each other, such as a name and a summary.

    Every widget is told to a page by a message of its own, and a page may be painted between two
    messages. So what these places show are traits of this one widget: all that is set while
    `scene` changes travels in one message, and each `Place` follows in the same instant.

    Parameters
    ----------
    state : AppState
        What is shown.
    """

    _esm = FOLDER / "stage.js"

    scene = Instance(Scene, (), help="What is shown; panels observe it.")
    picture_id = Unicode(help="The picture on screen, or empty.").tag(sync=True)
    version = Unicode(help="Another one for every look of it.").tag(sync=True)
    picture = Bytes(help="It, as a JPEG file; sent when `version` changes.").tag(sync=True)
    preview = Unicode(help="Markup around it.").tag(sync=True)
    alt = Unicode(help="Its alternative text.").tag(sync=True)
    answers = Unicode(help="Markup of the result.").tag(sync=True)
    words = Unicode(help="What there is of a caption that has no other yet.").tag(sync=True)
    busy = Bool(help="Whether the labels' scores are awaited.").tag(sync=True)
    old = Bool(help="Whether the scores that are shown answer an earlier question.").tag(sync=True)

    def __init__(self, state: AppState) -> None:
        self._state = state
        super().__init__(layout={"display": "none"})
        traits = ["selected", "pictures", "description", "statuses", "paused"]
        state.observe(state.guarded(self._look), traits)
        state.observe(state.guarded(self._write), "writing")
        state.observe(self._leave, "closed")
        self._look()

    @classmethod
    def of(cls, state: AppState) -> "Stage":
        """Return the one stage of a page."""
        if state not in _STAGES:
            _STAGES[state] = cls(state)
        return _STAGES[state]

    def _leave(self, _change: object) -> None:
        del _STAGES[self._state]

    def _look(self, _change: object = None) -> None:
        scene = self.scene.following(self._state)
        with self.hold_sync():
            self.scene = scene
            self.picture_id = scene.picture.id if scene.picture else ""
            self.version = scene.picture.version if scene.picture else ""
            self.old = scene.old_labels
            self.busy = scene.busy and (scene.old_labels or not _has_labels(scene))
            self._write()

    def _write(self, _change: object = None) -> None:
        awaited = self.scene.busy and not (self.scene.shown and self.scene.shown.caption)
        self.words = self._state.writing if awaited else ""


_STAGES: WeakKeyDictionary[AppState, Stage] = WeakKeyDictionary()


def _has_labels(scene: Scene) -> bool:
    return scene.shown is not None and scene.shown.classification is not None


class Place(BrowserWidget):
    """A place in the page where a part of the stage is seen.

    Parameters
    ----------
    stage : Stage
        Whose part.
    part : {"preview", "answers", "chart"}
        Which. ``chart`` is seen by what it does to the card it is in: the chart is hidden as long
        as it is not the one of the picture on screen, and dimmed while it is old.
    """

    _esm = FOLDER / "stage.js"

    stage = Unicode(help="The stage's model.").tag(sync=True)
    part = Unicode(help="What is seen here.").tag(sync=True)
    drawn = Unicode(help="The id of the picture whose chart is drawn.").tag(sync=True)

    def __init__(self, stage: Stage, part: str) -> None:
        super().__init__(stage=stage.model_id, part=part)
