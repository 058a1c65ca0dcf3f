"""The log file, where the page's unexpected errors go in full."""

import logging
import os
import tempfile
from pathlib import Path

from imgcap.settings import Settings


def open_log(settings: Settings) -> tuple[Path, str]:
    """Append the package's warnings and errors to `settings.log`; once a process and file.

    Returns
    -------
    Path
        The file that is written: a temporary one if `settings.log` cannot be.
    str
        In that case a sentence that says so.
    """
    try:
        _append_to(settings.log)
    except OSError as error:
        handle, name = tempfile.mkstemp(prefix="imgcap-", suffix=".log")
        os.close(handle)
        _append_to(Path(name))
        told = f"The log file {settings.log} of IMGCAP_LOG cannot be written ({error.strerror})"
        return Path(name), f"{told}: errors go to {name} instead."
    return settings.log, ""


def _append_to(file: Path) -> None:
    package = logging.getLogger("imgcap")
    path = str(file.absolute())
    if any(getattr(handler, "baseFilename", "") == path for handler in package.handlers):
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    package.addHandler(handler)
