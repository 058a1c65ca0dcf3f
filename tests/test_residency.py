"""Memory that is given back: a mapped file's pages, and never anything else's."""

import sys
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from imgcap.inference.residency import let_go, trim

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="asks the system in its own way")

NUMBERS = 4_000_000


def resident_mib() -> float:
    [line] = [
        line for line in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in line
    ]
    return int(line.split()[1]) / 1024


def test_a_mapped_weight_takes_no_memory_until_it_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    save_file({"weight": torch.arange(NUMBERS)}, file)
    with safe_open(file, framework="pt") as weights:
        weight = weights.get_tensor("weight")
    total = int(weight.sum())
    before = resident_mib()
    let_go(weight)
    assert before - resident_mib() > 0.9 * weight.nbytes / 2**20
    assert int(weight.sum()) == total


def test_a_weight_in_memory_keeps_its_numbers() -> None:
    weight = torch.arange(NUMBERS)
    let_go(weight)
    trim()
    assert torch.equal(weight, torch.arange(NUMBERS))
