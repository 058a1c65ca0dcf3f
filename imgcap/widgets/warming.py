"""What can be done for the first answers while nobody waits for any."""

from dataclasses import replace

from PIL import Image

from imgcap.inference import CancelledError, Engine, ModelError
from imgcap.inference.checkpoints import is_present, local_folder
from imgcap.inference.events import Cancel, Role
from imgcap.widgets.outcomes import Job
from imgcap.widgets.state import AppState

_TINY = (32, 32)
_FEW_TOKENS = 2
_ROLES: dict[str, Role] = {"classify": "classifier", "caption": "captioner"}


class Warming:
    """Readies a page's models: loads them, lets each answer once, has the labels embedded.

    Whatever the first answer would pay for is paid then, for the label set and options that are
    chosen. Nothing is downloaded for it, since nobody may ever want it; and the models of an
    inference service are loaded there, but not asked, since they answer other pages.

    Parameters
    ----------
    state : AppState
        Whose models.
    """

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._begun = False
        self._insisted: set[Role] = set()
        self._warm: dict[Role, object] = {}

    def begin(self) -> None:
        """Ready the models from now on, as far as the settings allow it."""
        self._begun = self._state.settings.warm_up

    def insist(self) -> None:
        """Load once more what failed to, with a download if need be."""
        stages = {role: event.stage for role, event in self._state.engine.models.items()}
        self._insisted = {role for role, stage in stages.items() if stage == "failed"}
        self._warm = {role: need for role, need in self._warm.items() if stages[role] == "ready"}

    def next(self) -> Role | None:
        """Return whose turn it is; None if all is ready that may be."""
        engine = self._state.engine
        for role in engine.models:
            if self._warm.get(role) != self._need(role, engine) and self._may(role):
                return role
        return None

    def run(self, role: Role, engine: Engine, stop: Cancel, is_urgent: Cancel) -> None:
        """Ready one model.

        Parameters
        ----------
        stop : callable
            Whether nobody wants it any more; asked between all steps.
        is_urgent : callable
            Whether somebody waits for an answer; then what is left is for later.

        Raises
        ------
        EngineError
            If the model cannot be had. It is not tried again before `insist`.
        """
        need = self._warm[role] = self._need(role, engine)
        self._insisted.discard(role)
        if engine.models[role].stage != "ready":
            engine.load(role, cancel=stop)
        if not self._is_ours:
            return
        try:
            self._ask(role, engine, lambda: stop() or is_urgent())
        except CancelledError:
            if self._warm.get(role) is need:
                del self._warm[role]

    def note(self, job: Job, engine: Engine) -> None:
        """Take note of an answer: the model that gave it is warm."""
        role = _ROLES[job.step]
        self._warm[role] = (engine, job.labels, job.classify_options)

    @property
    def _is_ours(self) -> bool:
        return self._state.settings.engine == "local"

    def _need(self, role: Role, engine: Engine) -> object:
        """Return all that decides whether a model is warm."""
        if role == "captioner":
            return engine, (), None
        return engine, self._state.labels, self._state.classify_options

    def _may(self, role: Role) -> bool:
        stage = self._state.engine.models[role].stage
        if role in self._insisted:
            return True
        if not self._begun or stage == "failed":
            return False
        return stage == "ready" or not self._is_ours or not self._is_far(role)

    def _is_far(self, role: Role) -> bool:
        """Whether a model would have to be downloaded."""
        settings = self._state.settings
        name = settings.classifier if role == "classifier" else settings.captioner
        try:
            folder = local_folder(name, role, settings)
        except ModelError:  # of which loading tells the visitor
            return False
        return folder is None and not is_present(name, role, settings)

    def _ask(self, role: Role, engine: Engine, cancel: Cancel) -> None:
        state = self._state
        picture = Image.new("RGB", _TINY)
        if cancel():
            raise CancelledError
        if role == "classifier":
            engine.classify([picture], state.labels, state.classify_options, cancel=cancel)
        else:
            brief = replace(state.caption_options, min_new_tokens=0, max_new_tokens=_FEW_TOKENS)
            engine.caption([picture], brief, cancel=cancel)
