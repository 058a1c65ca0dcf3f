import os
import subprocess
import sys
from pathlib import Path

import pytest

from imgcap.inference.cores import usable_cores

CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


@pytest.mark.parametrize(
    ("limit", "cores"),
    [("max 100000", CORES), ("100000 100000", 1), ("50000 100000", 1), ("99000000 100000", CORES)],
)
def test_a_quota_of_the_container_bounds_the_cores(tmp_path: Path, limit: str, cores: int) -> None:
    (tmp_path / "cpu.max").write_text(limit)
    assert usable_cores(tmp_path) == cores


@pytest.mark.parametrize(("quota", "cores"), [("-1", CORES), ("150000", 1)])
def test_the_first_version_of_control_groups_is_read_too(
    tmp_path: Path, quota: str, cores: int
) -> None:
    (tmp_path / "cpu").mkdir()
    (tmp_path / "cpu" / "cpu.cfs_quota_us").write_text(quota)
    (tmp_path / "cpu" / "cpu.cfs_period_us").write_text("100000")
    assert usable_cores(tmp_path) == cores


def test_without_control_groups_the_scheduler_decides(tmp_path: Path) -> None:
    assert usable_cores(tmp_path) == CORES


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken away")
def test_models_compute_with_as_many_threads_as_there_are_cores_for_them() -> None:
    program = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from imgcap.inference.lean import prepare; prepare()\n"
        "import torch; print(torch.get_num_threads())"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )
    assert told.stdout.strip() == "1"
