"""Reading a checkpoint's files into a model, without foreign code and without a second copy."""

import contextlib
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import safe_open
from transformers.utils import logging as transformers_logging

from imgcap.inference import embedded  # noqa: F401  # registers the embedded architecture
from imgcap.inference.adapter import Adapter
from imgcap.inference.conversions import discard
from imgcap.inference.converted import converted
from imgcap.inference.devices import choose_device, choose_dtype
from imgcap.inference.errors import ModelError
from imgcap.inference.events import Role
from imgcap.inference.filling import fill
from imgcap.inference.folders import Location, read_config
from imgcap.inference.loaded import EMBEDDED, ONE_AT_A_TIME, Loaded
from imgcap.inference.lora import with_adapter
from imgcap.inference.packing import pack
from imgcap.inference.residency import trim
from imgcap.settings import Settings

logger = logging.getLogger(__name__)

_SCALARS = frozenset({"logit_scale", "logit_bias", "temperature"})


def load(
    name: str,
    location: Location,
    role: Role,
    settings: Settings,
    adapter: Adapter | None = None,
) -> Loaded:
    """Read a checkpoint from disk into a model that is ready to answer.

    Weights keep no second copy: each tensor is converted as it is read.

    Parameters
    ----------
    adapter : Adapter, optional
        What answers beside the checkpoint; that of a lora kind is merged into the model's layers.

    Raises
    ------
    ModelError
        If the files are not a complete checkpoint for the role.
    AdapterError
        If the adapter's files do not fit the checkpoint, or the extra ``learn`` is missing.
    """
    model_type = str(read_config(location.folder)["model_type"])
    auto = _auto_class(role)
    device = choose_device(settings.device)
    dtype = choose_dtype(settings.dtype, device, model_type)
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    with _failures_as_sentences(name):
        config = transformers.AutoConfig.from_pretrained(location.folder, **safe)
    if type(config) not in auto._model_mapping:  # noqa: SLF001  # there is no public way to ask
        raise ModelError(
            f"{name} is a model of type {model_type}, which is no {role}: choose another {role}."
        )
    with ONE_AT_A_TIME, _failures_as_sentences(name), _without_progress_bars():
        processor = transformers.AutoProcessor.from_pretrained(
            location.folder, backend="pil", **safe
        )
        if device == "cpu":
            model, missing = _read_mapped(auto, config, location, dtype, settings.cache)
        else:
            model, missing = _read(auto, config, location, dtype)
    if missing:
        logger.warning("%s lacks weights as a %s: %s", name, role, sorted(map(str, missing))[:5])
        raise ModelError(f"{name} lacks part of the weights that a {role} needs: choose another.")
    if not hasattr(processor, "tokenizer") or not hasattr(processor, "image_processor"):
        raise ModelError(f"{name} has no tokenizer or no picture settings beside its weights.")
    model.eval().requires_grad_(requires_grad=False)
    _restore_scalars(model, location.weights)
    with contextlib.suppress(AttributeError):
        model.generation_config.max_length = None  # lengths are always given as new tokens
    if adapter and adapter.lora:
        with ONE_AT_A_TIME:
            model = with_adapter(model, adapter.lora)
    if device == "cpu":
        pack(model)
    trim()
    commit, place = location.revision, torch.device(device)
    loaded = Loaded(name, commit, model.to(device), processor, place, dtype)
    return loaded.beside(adapter)


def _read_mapped(
    auto: Any, config: Any, location: Location, dtype: torch.dtype, cache: Path
) -> tuple[Any, Any]:
    """Read weights that need no conversion any more: those are mapped, not copied."""
    architecture = auto._model_mapping[type(config)]  # noqa: SLF001  # as in `load`
    exceptions = ("_keep_in_fp32_modules", "_keep_in_fp32_modules_strict")
    near = location
    if not any(getattr(architecture, each, None) for each in exceptions):
        near = replace(location, weights=converted(location.weights, dtype, cache))
    try:
        return _read(auto, config, near, dtype)
    except Exception:
        if near == location:
            raise
        logger.warning("Converted weights in %s cannot be read", near.weights, exc_info=True)
    discard(near.weights)
    return _read(auto, config, location, dtype)


def _read(auto: Any, config: Any, location: Location, dtype: torch.dtype) -> tuple[Any, Any]:
    """Return a model, and the names of weights that its files lack or hold in other shapes."""
    if config.model_type in EMBEDDED and (model := fill(auto, config, location, dtype)):
        return model, None
    model, info = auto.from_pretrained(
        location.weights,
        config=config,
        dtype=dtype,
        use_safetensors=True,
        output_loading_info=True,
        local_files_only=True,
        trust_remote_code=False,
    )
    return model, info["missing_keys"] or info.get("mismatched_keys")


@contextlib.contextmanager
def _failures_as_sentences(name: str) -> Iterator[None]:
    """Turn whatever goes wrong while files are read into one sentence; details go to the log."""
    try:
        yield
    except MemoryError as error:
        raise ModelError(f"There is not enough memory to load {name}.") from error
    except Exception as error:
        logger.warning("Loading %s failed", name, exc_info=True)
        raise ModelError(
            f"{name} could not be loaded: its files are incomplete, damaged or of a kind "
            "that this version does not know."
        ) from error


def _restore_scalars(model: Any, weights: Path) -> None:
    """Read the trained scale and bias at full precision: they multiply every rounding of theirs."""
    for file in weights.glob("*.safetensors"):
        with safe_open(file, framework="pt") as tensors:
            for name in _SCALARS & set(tensors.keys()):
                getattr(model, name).data = tensors.get_tensor(name).float()


@contextlib.contextmanager
def _without_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing on stderr, where a command line draws its own."""
    shown = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            transformers_logging.enable_progress_bar()


def _auto_class(role: Role) -> Any:
    if role == "classifier":
        return transformers.AutoModelForZeroShotImageClassification
    return transformers.AutoModelForImageTextToText
