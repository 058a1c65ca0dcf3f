"""What a figure was measured on, in general words."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import psutil

_ROOT: Final = Path(__file__).parent.parent
_PROCESSORS: Final = Path("/proc/cpuinfo")
_PACKAGES: Final = ("torch", "transformers", "openvino")
_LISTEN: Final = 1.0  # seconds


@cache
def machine() -> dict[str, str | int]:
    """Return the machine, the versions and how busy it was; call it before measuring.

    How busy is what other programs do while this one waits for a second: the load average would
    also count what this program has just done.
    """
    busy = psutil.cpu_percent(_LISTEN)
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
        "python": platform.python_version(),
        **{name: found for name in _PACKAGES if (found := _version(name))},
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor("model name") or platform.processor(),
        "cores": os.cpu_count() or 0,
        "AMX": "yes" if "amx_bf16" in _processor("flags").split() else "no",
        "memory GiB": round(psutil.virtual_memory().total / 2**30),
        "load before": f"{os.getloadavg()[0]:.1f}",
        "cores busy before": f"{busy:.0f} %",
    }


def machine_line() -> str:
    """Return the same as one line."""
    return ", ".join(f"{name} {value}" for name, value in machine().items())


def _commit() -> str:
    """Return the commit that is measured, marked if the package differs from it."""
    revision = _git("rev-parse", "--short", "HEAD")
    changed = _git("status", "--porcelain", "--", "imgcap")
    return f"{revision or 'unknown'}{' (changed)' if changed else ''}"


def _git(*arguments: str) -> str:
    command = ["git", *arguments]
    try:
        return subprocess.run(  # noqa: S603  # ours
            command, check=True, capture_output=True, text=True, cwd=_ROOT
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):  # no git, or a copy without its history
        return ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor(fact: str) -> str:
    if _PROCESSORS.exists():  # elsewhere the system tells
        for line in _PROCESSORS.read_text().splitlines():
            if line.startswith(fact):
                return line.partition(":")[2].strip()
    return ""
