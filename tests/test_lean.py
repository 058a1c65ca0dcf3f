"""Importing little: what is left out, that answers stay the same, and that it gives way."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from imgcap.inference import embedded  # noqa: F401  # registers the embedded architecture
from imgcap.inference.filling import fill
from imgcap.inference.folders import Location
from tests.conftest import BuildCheckpoint

AUTO = {
    "align": transformers.AutoModelForZeroShotImageClassification,
    "grid_captioner": transformers.AutoModelForImageTextToText,
}
LEFT_OUT = {"scipy", "sklearn", "sympy", "torch._dynamo", "torch._inductor"}
LEFT_OUT |= {"torch.distributed.tensor", "transformers.generation.continuous_batching"}
LEFT_OUT |= {"peft"}  # of the extra that learns

ANSWER = """
import json, os, sys
{before}
from PIL import Image
from imgcap.inference import CaptionOptions, open_engine
from imgcap.settings import Settings
engine = open_engine(Settings(classifier={classifier!r}, captioner={captioner!r}))
said = engine.describe(
    Image.linear_gradient("L").convert("RGB"), ["cat", "dog"], CaptionOptions(num_beams=2)
)
print(json.dumps([said.caption, [list(p.__dict__.values()) for p in said.predictions],
    sorted({left_out!r} & set(sys.modules)), os.environ.get("GOMP_SPINCOUNT")]))
"""
PLAIN = "import torch, transformers.modeling_utils, transformers.generation.utils"
# As if a later version asked the batch scheduler for something else.
OTHER_VERSION = """
import imgcap.inference.lean as lean
stand_ins = lean._stand_ins
lean._stand_ins = lambda: {**stand_ins(), "transformers.generation.continuous_batching": {}}
"""


def answer(checkpoint: BuildCheckpoint, captioner: str, before: str = "") -> list[object]:
    program = ANSWER.format(
        before=before,
        classifier=str(checkpoint("clip")),
        captioner=str(checkpoint(captioner)),
        left_out=LEFT_OUT,
    )
    environment = {name: value for name, value in os.environ.items() if name != "GOMP_SPINCOUNT"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        check=True,
        timeout=120,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert done.stderr == ""
    said: list[object] = json.loads(done.stdout)
    return said


def test_what_nobody_uses_is_not_imported_and_answers_are_the_same(
    checkpoint: BuildCheckpoint,
) -> None:
    lean, plain = answer(checkpoint, "blip"), answer(checkpoint, "blip", PLAIN)
    assert lean[:2] == plain[:2]
    # From the hub, weights are read by transformers, whose empty models need sympy.
    assert set(lean[2]) <= {"sympy", "torch._dynamo", "torch._inductor", "torch.distributed.tensor"}
    assert "transformers.generation.continuous_batching" in plain[2]
    # Threads that wait soon sleep, unless torch was there before and had read what it says.
    assert (lean[3], plain[3]) == ("1000", None)


def test_a_version_that_needs_more_is_imported_as_a_whole(checkpoint: BuildCheckpoint) -> None:
    said = answer(checkpoint, "git", OTHER_VERSION)
    assert "transformers.generation.continuous_batching" in said[2]
    assert said[:2] == answer(checkpoint, "git")[:2]


@pytest.mark.parametrize("kind", list(AUTO))
def test_a_filled_model_is_the_one_that_transformers_loads(
    checkpoint: BuildCheckpoint, kind: str
) -> None:
    folder = checkpoint(kind)
    config = transformers.AutoConfig.from_pretrained(folder)
    filled = fill(AUTO[kind], config, Location(folder, folder), torch.bfloat16)
    loaded = AUTO[kind].from_pretrained(folder, dtype=torch.bfloat16)
    assert filled is not None
    assert type(filled) is type(loaded)
    assert filled.config.to_dict() == loaded.config.to_dict()
    for own, others in (
        (filled.state_dict(), loaded.state_dict()),
        (dict(filled.named_parameters()), dict(loaded.named_parameters())),
        (dict(filled.named_buffers()), dict(loaded.named_buffers())),
    ):
        assert own.keys() == others.keys()
        assert all(own[name].dtype == others[name].dtype for name in own)
        assert all(torch.equal(own[name], others[name]) for name in own)


@pytest.mark.parametrize("change", ["rename", "reshape", "drop", "add"])
def test_files_with_other_tensors_are_left_to_transformers(
    checkpoint: BuildCheckpoint, change: str, tmp_path: Path
) -> None:
    folder = checkpoint("align")
    weights = load_file(folder / "model.safetensors")
    tensor = weights["text_projection.bias"]
    if change in {"rename", "drop"}:
        del weights["text_projection.bias"]
    if change == "reshape":
        weights["text_projection.bias"] = tensor[:-1].clone()
    if change in {"rename", "add"}:
        weights["projection.bias"] = tensor.clone()
    save_file(weights, tmp_path / "model.safetensors", metadata={"format": "pt"})
    config = transformers.AutoConfig.from_pretrained(folder)
    assert fill(AUTO["align"], config, Location(folder, tmp_path), torch.float32) is None
