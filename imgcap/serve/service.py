"""Starting the service on Ray Serve, and ending it without losing what it has taken in."""

import contextlib
import os
from typing import Final

import ray
from ray import serve

from imgcap.quiet_ray import connect, reason
from imgcap.serve.ingress import ROLES, Ingress, application
from imgcap.serve.model import ModelServer
from imgcap.settings import Settings

_INGRESS: Final = "imgcap"
_CHECK_S: Final = 2.0
_SPARE_S: Final = 5.0
"""Of the front beyond the models, so that it can say that they were too slow."""

_ROOM_TO_REFUSE: Final = 1_000


class ServiceStartError(RuntimeError):
    """The service cannot be started; the text is one sentence for a person."""


class Service:
    """A running service: one application for each model and one for HTTP.

    They are three so that they can end in order: first nobody is let in and what was taken in is
    answered, then the models go.

    Parameters
    ----------
    settings : Settings
        Where it listens, which models it has, how many processes and of what size.
    cluster : str, optional
        The address of a running Ray cluster, or ``auto`` for the one of this machine; without it
        the service starts a Ray of its own.

    Raises
    ------
    ServiceStartError
        If Ray or the application does not start, or there are too few processors or GPUs.
    """

    def __init__(self, settings: Settings, cluster: str | None = None) -> None:
        self._settings = settings
        self._cluster = cluster
        self._is_first = True
        try:
            self._connect()
            self._check_resources()
            self._deploy()
        except ServiceStartError:
            self.close()
            raise
        except Exception as error:
            self.close()
            raise ServiceStartError(
                f"The inference service did not start: {reason(error)}"
            ) from error

    @property
    def address(self) -> str:
        """Where it answers."""
        return f"http://{self._settings.serve_host}:{self._settings.serve_port}"

    def close(self) -> None:
        """Take nothing more in, finish what was accepted, and end; a cluster stays."""
        if ray.is_initialized():
            with contextlib.suppress(Exception):  # what is not there needs no end
                for name in (_INGRESS, *map(application, ROLES)):
                    serve.delete(name)
                if self._cluster and self._is_first and not serve.status().applications:
                    serve.shutdown()  # or it would keep the port
            ray.shutdown()

    def _connect(self) -> None:
        connect(self._cluster, self._needed["CPU"] + 1, namespace="serve")
        if self._cluster:
            self._is_first = not serve.status().proxies

    @property
    def _needed(self) -> dict[str, float]:
        """What Ray reserves for all processes together."""
        settings = self._settings
        processes = settings.serve_replicas * len(ROLES)
        return {"CPU": processes * settings.serve_cpus, "GPU": processes * settings.serve_gpus}

    def _check_resources(self) -> None:
        """Refuse what Ray would wait for without end."""
        there = ray.cluster_resources()
        for kind, needed in self._needed.items():
            if needed > there.get(kind, 0):
                raise ServiceStartError(
                    f"The inference service needs {needed:g} {kind}s for its processes, but Ray "
                    f"has {there.get(kind, 0):g}: set IMGCAP_SERVE_REPLICAS, IMGCAP_SERVE_CPUS or "
                    "IMGCAP_SERVE_GPUS."
                )

    @property
    def _threads(self) -> int:
        """Of each process: in a cluster what is reserved, on a machine of our own all there is."""
        reserved = max(1, int(self._settings.serve_cpus))
        if self._cluster:
            return reserved
        return max(reserved, (os.cpu_count() or 1) // self._settings.serve_replicas)

    def _deploy(self) -> None:
        settings = self._settings
        patience = settings.engine_timeout_s
        serve.start(
            proxy_location="HeadOnly",
            http_options={
                "host": settings.serve_host,
                "port": settings.serve_port,
                "request_timeout_s": patience + 2 * _SPARE_S,
            },
        )
        for role in ROLES:
            model = serve.deployment(ModelServer).options(
                name=role,
                num_replicas=settings.serve_replicas,
                ray_actor_options={
                    "num_cpus": settings.serve_cpus,
                    "num_gpus": settings.serve_gpus,
                },
                max_ongoing_requests=settings.serve_batch * 2,  # the next batch waits ready
                health_check_period_s=_CHECK_S,
                graceful_shutdown_timeout_s=patience,
                graceful_shutdown_wait_loop_s=0.5,
            )
            bound = model.bind(role, settings, self._threads)
            serve.run(bound, name=application(role), route_prefix=None)
        front = serve.deployment(serve.ingress()(Ingress)).options(
            name="front",
            ray_actor_options={"num_cpus": 0},
            # Its gate says that it is busy, in words; Ray would keep requests waiting.
            max_ongoing_requests=settings.serve_queue + _ROOM_TO_REFUSE,
            graceful_shutdown_timeout_s=patience + _SPARE_S,
            graceful_shutdown_wait_loop_s=0.5,
        )
        serve.run(front.bind(settings), name=_INGRESS, route_prefix="/")
