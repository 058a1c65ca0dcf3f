"""What the panels of one page share: pictures, question, answers, errors; no widget in sight."""

import functools
import logging
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar, cast
from uuid import uuid4

import traitlets

from imgcap.edits import EditError
from imgcap.feedback import FeedbackError, Store
from imgcap.images import PictureError
from imgcap.inference import (
    CaptionOptions,
    ClassifyOptions,
    Description,
    Engine,
    EngineError,
    ModelEvent,
    open_engine,
)
from imgcap.labels import LabelError, first_labels, read_labels
from imgcap.settings import Settings, usable_settings
from imgcap.widgets.embeddings import PictureEmbeddings
from imgcap.widgets.log import open_log
from imgcap.widgets.shelf import Edits, Shelf, Shown
from imgcap.widgets.store import LateStore

P = ParamSpec("P")
R = TypeVar("R")

logger = logging.getLogger(__name__)

EXPECTED = (PictureError, EditError, EngineError, LabelError, FeedbackError)
"""Errors whose text is already a sentence for the person in front of the page."""


class AppState(traitlets.HasTraits):
    """The state of one open page; panels observe and set its traits, and nothing else.

    Callbacks of the page and the threads that work for it change traits only while they hold
    `lock`, so that an observer always sees one consistent state. `guarded` does that for a
    callback and turns what goes wrong into a sentence in `error`.

    A setting that cannot be used never ends the page: it is told in `error`, and all that does not
    depend on it works.

    Parameters
    ----------
    settings : Settings, optional
        By default what can be used of the environment.
    engine : Engine, optional
        By default the one that the settings ask for; its models are loaded when needed.
    """

    pictures = traitlets.Tuple(help="The pictures of this page, oldest first.")
    edits = traitlets.Dict(
        help="Picture id to what is done to it before it is described; set by `edit`."
    )
    selected = traitlets.Unicode(help="The id of the picture on screen, or empty.")
    labels = traitlets.Tuple(help="The candidate labels.")
    classify_options = traitlets.Instance(ClassifyOptions, ())
    caption_options = traitlets.Instance(CaptionOptions, ())
    top = traitlets.Int(5, min=1, help="How many predictions are shown.")
    chart_kind = traitlets.Unicode("bar")
    dark = traitlets.Bool(default_value=False, help="Whether the visitor prefers dark.")
    engine = traitlets.Any(help="Who answers.")
    models = traitlets.Dict(help="Role to the latest loading step.")
    adapters = traitlets.Dict(help="Role to the `Turn` of the adapter that is to answer for it.")
    description = traitlets.Instance(
        Description,
        allow_none=True,
        help="What is known about the picture on screen so far; parts that are missing are None.",
    )
    wordings = traitlets.Dict(
        help="Picture id to the `Wording` that its visitor prefers to the captioner's answer."
    )
    statuses = traitlets.Dict(
        help="Picture id to `waiting`, `working`, `done`, or the sentence why it failed."
    )
    working = traitlets.Unicode(help="What is being done now, in a few words, or empty.")
    writing = traitlets.Unicode(
        help="What there is of the caption that is being written for the picture on screen."
    )
    paused = traitlets.Bool(default_value=False, help="Whether the visitor pressed cancel.")
    switching = traitlets.Dict(help="Role to loading step, while other models are being loaded.")
    switched = traitlets.Unicode(help="One sentence on how the last change of models ended.")
    error = traitlets.Unicode(help="One sentence on what went wrong last, or empty.")
    closed = traitlets.Bool(default_value=False, help="Whether the page has ended.")
    saved = traitlets.Int(0, help="How many feedback records this page has stored.")

    def __init__(self, settings: Settings | None = None, engine: Engine | None = None) -> None:
        super().__init__()
        self.lock = threading.RLock()
        self._reporting = False
        self._editing: dict[str, Edits] = {}
        self._by_id: tuple[object, dict[str, Shown]] = ((), {})
        self.session = str(uuid4())
        self.settings, unusable = (settings, ()) if settings else usable_settings()
        for sentence in unusable:
            self._add_error(f"{sentence} The default is used instead.")
        log, sentence = open_log(self.settings)
        self.settings = self.settings.model_copy(update={"log": log})
        self._add_error(sentence)
        self.shelf = Shelf(self.settings)
        self.embeddings = PictureEmbeddings(self.shelf)
        late = LateStore(self.settings)
        self.store = cast("Store", late)
        try:
            self.labels = read_labels(first_labels(self.settings))
        except LabelError as problem:
            self._add_error(str(problem))
        self.engine = engine or self._open_engine()
        self.models = events(self.engine)
        self.in_background(late.open, lambda _: None, self._add_error)

    def close(self) -> None:
        """End the page: who observes `closed` is told, then nobody any more; all is freed."""
        self.closed = True
        self.unobserve_all()
        self.engine.close()
        self.store.close()
        self.shelf.close()

    def _open_engine(self) -> Engine:
        try:
            return open_engine(self.settings, self.tell_model)
        except EngineError as problem:
            self._add_error(f"{problem} Until then the models of this computer answer.")
        self.settings = self.settings.model_copy(update={"engine": "local"})
        return open_engine(self.settings, self.tell_model)

    def _add_error(self, sentence: str) -> None:
        with self.lock:
            self.error = f"{self.error} {sentence}".strip()

    def guarded(self, callback: Callable[P, R]) -> Callable[P, R | None]:
        """Wrap a callback: one at a time, and no exception escapes unseen.

        A callback's exception would be lost in silence under Voilà: an expected one becomes its
        sentence in `error`, any other a general sentence and an entry in the log.
        """

        @functools.wraps(callback)
        def run(*args: P.args, **kwargs: P.kwargs) -> R | None:
            with self.lock:
                try:
                    return callback(*args, **kwargs)
                except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
                    self.report(problem)
                    return None

        return run

    def report(self, problem: BaseException) -> None:
        """Show an exception as one sentence."""
        with self.lock:
            sentence = self.sentence(problem)
            if self._reporting:  # what failed is an observer of `error`
                return
            self._reporting = True
            try:
                self.error = ""  # so that the same sentence again is news
                self.error = sentence
            finally:
                self._reporting = False

    def sentence(self, problem: BaseException) -> str:
        """Return what a person is told about an exception; an unexpected one goes to the log."""
        if isinstance(problem, EXPECTED):
            return str(problem)
        logger.error("Something unexpected happened on the page.", exc_info=problem)
        return (
            "Something unexpected went wrong; nothing you entered is lost. "
            f"The details are in {self.settings.log.name}."
        )

    def in_background(
        self,
        work: Callable[[], R],
        then: Callable[[R], object],
        otherwise: Callable[[str], object],
    ) -> None:
        """Run `work` in a thread, then `then` with its result or `otherwise` with a sentence."""

        def run() -> None:
            try:
                result = work()
            except Exception as problem:  # noqa: BLE001  # told, and logged if unexpected
                self.guarded(otherwise)(self.sentence(problem))
            else:
                self.guarded(then)(result)

        threading.Thread(target=run, daemon=True).start()

    def tell_model(self, _event: ModelEvent) -> None:
        """Take note of a model's loading step; called from the thread that loads."""
        with self.lock:
            # Not the event itself: it may come from an engine that has been replaced.
            self.models = events(self.engine)

    @property
    def picture(self) -> Shown | None:
        """The picture on screen."""
        return self.find(self.selected)

    def find(self, picture_id: str) -> Shown | None:
        """Return the picture with this id, if it is here."""
        with self.lock:
            # Who walks through hundreds of pictures asks for each of them.
            if self._by_id[0] is not self.pictures:
                self._by_id = (self.pictures, {shown.id: shown for shown in self.pictures})
            return self._by_id[1].get(picture_id)

    def add(self, shown: Shown, *, select: bool = True) -> bool:
        """Take in a picture, unless it is there already, and put it on screen.

        Returns whether it is new.
        """
        with self.lock:
            is_new = self.find(shown.id) is None
            if is_new:
                self.pictures = (*self.pictures, shown)
            if select:
                self.selected = shown.id
            return is_new

    def edit(self, picture_id: str, edits: Edits, otherwise: Callable[[str], object]) -> None:
        """Have a picture described as edited: `edits` are all that is done to the original.

        Its new look is made in the background; then look and edits change in the same instant. Of
        several wishes for one picture the last is fulfilled.

        Parameters
        ----------
        otherwise : callable
            Told one sentence if that cannot be done; all stays as it was then.
        """
        with self.lock:
            self._editing[picture_id] = edits

        def is_wanted() -> bool:
            return self._editing.get(picture_id) is edits

        def look() -> Shown | None:
            try:
                return self.shelf.look(picture_id, edits) if is_wanted() else None
            except KeyError:  # it was removed meanwhile
                return None

        def take(shown: Shown | None) -> None:
            if shown is None or not is_wanted():
                return
            del self._editing[picture_id]
            with self.hold_trait_notifications():
                self.edits = {**self.edits, picture_id: edits}
                self.pictures = tuple(
                    shown if known.id == picture_id else known for known in self.pictures
                )

        def fail(sentence: str) -> None:
            if is_wanted():
                del self._editing[picture_id]
                otherwise(sentence)

        self.in_background(look, take, fail)

    def remove(self, picture_id: str) -> None:
        """Take a picture away; its neighbour comes on screen if it was there."""
        with self.lock:
            ids = [shown.id for shown in self.pictures]
            if picture_id not in ids:
                return
            rest = tuple(shown for shown in self.pictures if shown.id != picture_id)
            if self.selected == picture_id:
                self.selected = rest[max(0, ids.index(picture_id) - 1)].id if rest else ""
            self.pictures = rest
            self.edits = {key: done for key, done in self.edits.items() if key != picture_id}
            self.wordings = {key: each for key, each in self.wordings.items() if key != picture_id}
            self._editing.pop(picture_id, None)
            self.shelf.remove(picture_id)
            self.embeddings.forget(picture_id)


def events(engine: Engine) -> dict[str, ModelEvent]:
    """Return the latest loading step of each of an engine's models, by role."""
    return cast("dict[str, ModelEvent]", {**engine.models})
