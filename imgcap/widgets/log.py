"""The log file, where the page's unexpected errors go in full."""

import logging

from imgcap.settings import Settings


def open_log(settings: Settings) -> None:
    """Append the package's warnings and errors to `settings.log`; once a process and file."""
    package = logging.getLogger("imgcap")
    path = str(settings.log.absolute())
    if any(getattr(handler, "baseFilename", "") == path for handler in package.handlers):
        return
    try:
        settings.log.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        package.warning("The log file %s cannot be written: %s.", path, error.strerror)
        return
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    package.addHandler(handler)
