"""Jupyter Server extension: what the dashboard needs of a server that Voilà runs inside."""

from typing import TYPE_CHECKING

from imgcap.settings import Settings, usable_settings

if TYPE_CHECKING:
    from jupyter_server.serverapp import ServerApp

LIMIT = "websocket_max_message_size"


def websocket_limit(settings: Settings) -> int:
    """Return the bytes that a message must be allowed, so that the largest upload fits in one.

    ``voila.json`` gives the same figure for the default settings, where Voilà is the server.
    """
    return settings.max_upload_mb * 2**20 * 3 // 2


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server: "ServerApp") -> None:
    # No configuration file can do this: a `jupyter_server_config.json` of ours could overwrite
    # another's, and from `jupyter_server_config.d` the server takes nothing but extensions.
    settings, problems = usable_settings()
    for sentence in problems:
        server.log.warning("%s The default is used instead.", sentence)
    tornado = server.web_app.settings
    tornado[LIMIT] = max(tornado.get(LIMIT, 0), websocket_limit(settings))
