"""The front of the service: HTTP on one side, the models' processes on the other."""

import asyncio
from collections.abc import Mapping
from typing import Any, Final, get_args

from ray import serve
from ray.exceptions import RayActorError

from imgcap.inference.events import ModelEvent, Role
from imgcap.remote.wire import Problem, Question
from imgcap.serve.api import build_api
from imgcap.serve.gate import App, Gate
from imgcap.settings import Settings

ROLES: Final[tuple[Role, ...]] = get_args(Role)

_ATTEMPTS: Final = 3
_PAUSE_S: Final = 0.25
_READY_S: Final = 5.0


def application(role: Role) -> str:
    """Return what Ray Serve calls a model's application; a cluster may have others."""
    return f"imgcap-{role}"


class Ingress:
    """Takes requests in and asks the models; what it has taken in survives a model's process.

    Parameters
    ----------
    settings : Settings
        The limits of a request, and how long an answer may take.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._handles = {role: serve.get_app_handle(application(role)) for role in ROLES}

    def __serve_build_asgi_app__(self) -> App:
        """Return what answers HTTP; Ray Serve asks for it in the front's own process."""
        return Gate(build_api(self.ask, self.events), self._settings)

    async def ask(self, role: Role, question: Question, data: bytes | None, name: str) -> Any:
        """Put a question to a model, again if the process that has it dies."""
        try:
            async with asyncio.timeout(self._settings.engine_timeout_s):
                for _ in range(_ATTEMPTS):
                    try:
                        return await self._handles[role].ask.remote(question, data, name)
                    except RayActorError:  # nothing is changed by a question, so ask another
                        await asyncio.sleep(_PAUSE_S)
        except TimeoutError:
            return Problem(kind="timeout", message="The model did not answer in time.")
        return Problem(kind="failed", message="Every process that had this question ended.")

    async def events(self) -> Mapping[Role, ModelEvent]:
        """Ask every model how far its loading is."""
        async with asyncio.timeout(_READY_S):
            found = await asyncio.gather(*(self._handles[role].event.remote() for role in ROLES))
        return dict(zip(ROLES, found, strict=True))
