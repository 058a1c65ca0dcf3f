"""How many cores this process may really use."""

import os
from pathlib import Path

_CGROUP = Path("/sys/fs/cgroup")


def usable_threads() -> int:
    """Return what a person says in ``OMP_NUM_THREADS``, or else the usable cores."""
    said = os.environ.get("OMP_NUM_THREADS", "")
    return int(said) if said.isdecimal() and int(said) else usable_cores()


def usable_cores(cgroup: Path = _CGROUP) -> int:
    """Return the whole cores that the scheduler and a quota of the container grant, at least 1.

    Threads beyond a quota do not only not help: they are all stopped together when it is used up.

    Parameters
    ----------
    cgroup : Path
        Where Linux tells the limits of control groups, of version 2 or 1.
    """
    allowed = getattr(os, "sched_getaffinity", None)
    cores = len(allowed(0)) if allowed else os.cpu_count() or 1
    quota = _quota(cgroup)
    return max(1, min(cores, int(quota)) if quota else cores)


def _quota(cgroup: Path) -> float | None:
    """Return the share of processors that the container is granted, if it is limited."""
    try:
        if (file := cgroup / "cpu.max").is_file():
            granted, period = file.read_text(encoding="ascii").split()
        else:
            granted, period = (
                (cgroup / "cpu" / name).read_text(encoding="ascii")
                for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")
            )
        share = float(granted) / float(period)
    except (OSError, ValueError):  # another system, or no limit
        return None
    return share if share > 0 else None
