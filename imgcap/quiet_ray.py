"""Ray as every part of the program starts it: without its news, and once more on a busy machine."""

import logging
import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

_QUIET: Final = {
    "RAY_USAGE_STATS_ENABLED": "0",  # nobody phones home
    # Else it warns on every run of what Ray Data itself does (ray-project/ray#53727),
    "RAY_BACKEND_LOG_LEVEL": "fatal",
    # and tells on stdout of processes that were ended because the command was.
    "RAY_enable_output_error_log_if_still_retry": "0",
}
_STORE_BYTES: Final = 256 * 2**20
"""Of shared memory on a machine of our own: pictures and answers pass through, nothing stays."""

_LONGEST_REASON: Final = 300
_STDERR: Final = 2

logger = logging.getLogger(__name__)


class RayStartError(RuntimeError):
    """Ray cannot be started; the text is one sentence for a person."""


def quieten() -> None:
    """Have Ray keep its news to itself; call it before the import, which reads some of this."""
    os.environ.update(_QUIET | os.environ)
    for name in ("ray", "ray.data", "ray.serve"):
        logging.getLogger(name).setLevel(logging.ERROR)  # they are for those who develop it


def connect(cluster: str | None, cpus: float, namespace: str | None = None) -> None:
    """Join a Ray cluster, or start a Ray of our own.

    Parameters
    ----------
    cluster : str or None
        Its address, or ``auto`` for the one of this machine; None for a Ray of our own.
    cpus : float
        The least that a Ray of our own takes itself to have.
    namespace : str, optional
        In which Ray looks for names.

    Raises
    ------
    RayStartError
        If a Ray of our own does not come up, twice: on a busy machine it may need longer than it
        gives itself. Also if there is no such cluster, or it wants a token that Ray was not given.
    """
    quieten()
    import ray  # noqa: PLC0415  # an extra, and slow to import

    start = partial(ray.init, namespace=namespace, log_to_driver=False, logging_level="ERROR")
    if cluster:
        try:
            with _without_stderr():
                start(cluster)
        except ConnectionError as error:  # Ray says the same if it lacks the cluster's token
            raise RayStartError(
                f"{reason(error)}. If it runs, it may want a token: set RAY_AUTH_MODE=token, and "
                "RAY_AUTH_TOKEN."
            ) from error
        return
    start = partial(
        start,
        "local",
        num_cpus=max(os.cpu_count() or 1, math.ceil(cpus)),
        object_store_memory=_STORE_BYTES,
        include_dashboard=False,
    )
    with _without_stderr():
        try:
            start()
        except Exception:  # of no particular kind
            logger.debug("Ray did not start; once more", exc_info=True)
            ray.shutdown()
            try:
                start()
            except Exception as error:
                raise RayStartError(
                    "Ray did not start, nor at the second try; the machine may be too busy: "
                    f"{reason(error)}"
                ) from error


def reason(error: BaseException) -> str:
    """Return what an error of Ray says, on one line of bounded length."""
    return " ".join(str(error).split())[:_LONGEST_REASON]


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Drop what the machine code under Ray writes past Python: that it has heeded its log level."""
    stderr = os.dup(_STDERR)
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), _STDERR)
    try:
        yield
    finally:
        os.dup2(stderr, _STDERR)
        os.close(stderr)
