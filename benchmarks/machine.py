"""What a figure was measured on, in general words."""

import os
import platform
from datetime import UTC, datetime
from pathlib import Path

_PROCESSORS = Path("/proc/cpuinfo")


def machine() -> dict[str, str | int]:
    """Return the date, the system and the processor."""
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
    }


def _processor() -> str:
    if _PROCESSORS.exists():  # elsewhere the system tells
        for line in _PROCESSORS.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
