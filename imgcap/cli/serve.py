"""`imgcap serve`: one pair of models for many pages and programs."""

import signal
import threading
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING, Annotated

import typer

from imgcap.cli.common import FAILED, INTERRUPTED, USAGE, failure, read_settings, tell

if TYPE_CHECKING:
    from imgcap.settings import Settings


def serve(
    host: Annotated[
        str | None, typer.Option(help="Where to listen; by default IMGCAP_SERVE_HOST.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=1, max=65535, help="The port; by default IMGCAP_SERVE_PORT."),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            envvar="RAY_ADDRESS",
            help="A running Ray cluster to join: its address, or auto; by default none.",
        ),
    ] = None,
) -> None:
    """Answer pages and programs over HTTP until Ctrl-C; then finish what was accepted."""
    given = {"serve_host": host, "serve_port": port}
    settings = read_settings().model_copy(
        update={name: value for name, value in given.items() if value is not None}
    )
    if find_spec("ray") is None or find_spec("fastapi") is None:
        raise failure("The service needs more packages: pip install 'imgcap[serve]'.", USAGE)
    if not settings.engine_token.get_secret_value() and not _is_here(settings.serve_host):
        tell("Whoever reaches this address can use it: set IMGCAP_ENGINE_TOKEN to prevent that.")
    _run(settings, cluster)


def _run(settings: "Settings", cluster: str | None) -> None:
    from imgcap.serve import Service, ServiceStartError

    ended = threading.Event()
    tell("Starting …")
    try:
        service = Service(settings, cluster)
    except ServiceStartError as error:
        raise failure(str(error), FAILED) from error
    except KeyboardInterrupt as error:
        raise failure("Broken off.", INTERRUPTED) from error
    for number in (signal.SIGINT, signal.SIGTERM):  # not before: Ray sets its own on its start
        signal.signal(number, lambda *_: ended.set())
    typer.echo(f"Serving at {service.address}; Ctrl-C ends it.")
    ended.wait()
    tell("Finishing what was accepted …")
    service.close()


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
