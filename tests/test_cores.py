"""How many threads compute: what a scheduler, a container, a person or a small model allows."""

import os
from pathlib import Path

import pytest
import torch

from imgcap.inference.cores import usable_cores, usable_threads
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint

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


@pytest.mark.parametrize(
    ("said", "threads"), [("3", 3), ("", CORES), ("0", CORES), ("many", CORES)]
)
def test_a_person_may_say_how_many_threads(
    monkeypatch: pytest.MonkeyPatch, said: str, threads: int
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", said)
    assert usable_threads() == threads


@pytest.mark.parametrize("kind", ["embedded", "clip"])
def test_small_models_compute_with_one_thread(checkpoint: BuildCheckpoint, kind: str) -> None:
    folder = kind if kind == "embedded" else str(checkpoint(kind))
    engine = LocalEngine(Settings(classifier=folder))
    engine.classify(pictures(1), ["a cat", "a dog"])
    assert torch.get_num_threads() == (1 if kind == "embedded" else usable_threads())
