"""What computes, and with which numbers."""

import torch

from imgcap.inference.errors import ModelError
from imgcap.inference.loaded import EMBEDDED


def choose_device(wanted: str) -> str:
    """Return the device for a setting: ``auto`` takes the first there is of cuda, mps and cpu.

    Raises
    ------
    ModelError
        If this machine has no such device.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if wanted == "auto":
        return next((device for device, there in present.items() if there), "cpu")
    kind = wanted.split(":", maxsplit=1)[0]
    if kind != "cpu" and not present.get(kind, False):
        raise ModelError(f"This machine has no device “{wanted}”: give IMGCAP_DEVICE auto or cpu.")
    return wanted


def choose_dtype(wanted: str, device: str, model_type: str) -> torch.dtype:
    """Return the weights' dtype for a setting: ``auto`` takes the fastest that loses nothing.

    On CPUs that is bfloat16 for transformers where the processor multiplies bf16 tiles (AMX), and
    float32 otherwise. Measured on CLIP's vision tower, one thread: bf16 takes 0.45 of float32's
    time with AMX, 1.15 with AVX512-BF16 alone, and 2.8 with neither. The embedded pair stays with
    float32, which loses no bit of the float16 on disk: bf16 gains little in networks of depthwise
    convolutions (with AMX, one thread: EfficientNet-Lite2 tower 0.92 of float32's time, a captioner
    on it 1.13).
    """
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if wanted != "auto":
        return names[wanted]
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device == "cpu" and model_type not in EMBEDDED and _has_amx():
        return torch.bfloat16
    return torch.float32


def _has_amx() -> bool:
    # Not public API; absent or refusing on some builds, which then keep float32.
    try:
        return bool(torch.cpu._is_amx_tile_supported())  # noqa: SLF001
    except (AttributeError, RuntimeError):
        return False
