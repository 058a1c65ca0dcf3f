"""What computes, and with which numbers."""

import time
from functools import cache

import torch
from torch.nn import functional

from imgcap.inference.errors import ModelError
from imgcap.inference.loaded import EMBEDDED

_ROWS, _WIDTH = 577, 512
_TRIES = 4
_PAYS = 0.75


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

    On CPUs that is bfloat16 for transformers where the processor multiplies it sooner: with bf16
    tiles (AMX), or where a short measurement says so; and float32 otherwise. The embedded pair
    stays with float32, which loses no bit of the float16 on disk: bf16 gains little in networks of
    depthwise convolutions (with AMX, one thread: EfficientNet-Lite2 tower 0.92 of float32's time, a
    captioner on it 1.13).
    """
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if wanted != "auto":
        return names[wanted]
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device == "cpu" and model_type not in EMBEDDED and _bf16_pays():
        return torch.bfloat16
    return torch.float32


def has_amx() -> bool:
    """Say whether the processor multiplies tiles of bf16."""
    # Not public API; absent or refusing on some builds, which are then taken to have none.
    try:
        return bool(torch.cpu._is_amx_tile_supported())  # noqa: SLF001
    except (AttributeError, RuntimeError):
        return False


@cache
def _bf16_pays() -> bool:
    """Say whether bf16 multiplies in clearly less time than float32, once a process.

    Of processors with the same instructions for it (AVX512-BF16) some need more time than for
    float32 (1.15 for CLIP's vision tower), others a quarter.
    """
    if has_amx():
        return True
    exact = torch.ones(_ROWS, _WIDTH)
    rounded = exact.bfloat16()
    try:
        pairs = [(_product_s(exact), _product_s(rounded)) for _ in range(_TRIES)]
    except RuntimeError:  # no such product on this processor
        return False
    return min(pair[1] for pair in pairs) < _PAYS * min(pair[0] for pair in pairs)


def _product_s(rows: torch.Tensor) -> float:
    """Return the seconds of one product of BLIP's size, with a square of weights."""
    begun = time.perf_counter()
    functional.linear(rows, rows[:_WIDTH])
    return time.perf_counter() - begun
