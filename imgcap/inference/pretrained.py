"""Reading a checkpoint's files into a model, without foreign code and without a second copy."""

import contextlib
import gc
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import safe_open
from transformers.utils import logging as transformers_logging

from imgcap.inference import embedded  # noqa: F401  # registers the embedded architecture
from imgcap.inference.adapter import Adapter, AdapterError
from imgcap.inference.conversions import discard
from imgcap.inference.converted import converted
from imgcap.inference.cores import usable_threads
from imgcap.inference.errors import EngineError, ModelError
from imgcap.inference.events import Role
from imgcap.inference.filling import fill
from imgcap.inference.folders import Location, read_config
from imgcap.inference.lora import with_adapter
from imgcap.inference.packing import pack
from imgcap.inference.residency import trim
from imgcap.settings import Settings

logger = logging.getLogger(__name__)

# The embedded checkpoints' architectures. One picture gains little from bf16 in networks of
# depthwise convolutions (with AMX, one thread: EfficientNet-Lite2 tower 0.92 of float32's time, a
# captioner on it 1.13), and float32 loses no bit of the float16 on disk.
_EMBEDDED = frozenset({"align", "imgcap-grid-captioner"})

# Models load and answer one at a time. While transformers builds a model it changes torch's default
# dtype for all threads, and models that compute at once on the same cores slow each other down.
_ONE_AT_A_TIME = threading.Lock()

_SCALARS = frozenset({"logit_scale", "logit_bias", "temperature"})


@dataclass(frozen=True)
class Loaded:
    """A checkpoint in memory.

    Parameters
    ----------
    name : str
        As it appears in results.
    commit : str
        On the hub, empty for a folder.
    model : transformers.PreTrainedModel
        In evaluation mode, on its device.
    processor : transformers.ProcessorMixin
        With the PIL image backend.
    device, dtype : torch.device, torch.dtype
        Of the model's weights.
    quick : callable, optional
        What computes a part of the model in place of torch; see `imgcap.inference.fast`.
    adapter : Adapter, optional
        What answers beside the checkpoint; the model's layers are already as it has them.
    """

    name: str
    commit: str
    model: Any
    processor: Any
    device: torch.device
    dtype: torch.dtype
    quick: Any = None
    adapter: Adapter | None = None

    @property
    def revision(self) -> str:
        """What answers: the checkpoint's commit, and behind a plus the adapter beside it."""
        return f"{self.commit}+{self.adapter.card.id}" if self.adapter else self.commit

    def beside(self, adapter: Adapter | None) -> "Loaded":
        """Return the same with an adapter; raises `AdapterError` if its weights do not fit."""
        weights = adapter and adapter.weights
        if adapter and weights and weights.offsets.shape[1] != width(self.model):
            raise AdapterError(f"“{adapter.card.id}” does not fit the embeddings of {self.name}.")
        return replace(self, adapter=adapter)

    def threads(self, pictures: int) -> int:
        """Return with how many threads torch computes: one for embedded models and one picture.

        Their layers are so small that two threads wait for each other longer than they work.
        Pictures a second with 1, 2, 4 kernels on two cores: 9.3, 19.0, 17.6 with one thread each,
        5.6, 16.7, 13.0 with two. Batches of eight took one thread 1.17 of the time of two.
        """
        return 1 if is_embedded(self.model) and pictures == 1 else usable_threads()


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
    with _ONE_AT_A_TIME, _failures_as_sentences(name), _without_progress_bars():
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
        with _ONE_AT_A_TIME:
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
    if config.model_type in _EMBEDDED and (model := fill(auto, config, location, dtype)):
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
def answering(loaded: Loaded, pictures: int = 1) -> Iterator[None]:
    """Wait for the models' turn, and turn what goes wrong in it into one sentence; log the rest."""
    try:
        with _ONE_AT_A_TIME:
            torch.set_num_threads(loaded.threads(pictures))
            yield
            gc.unfreeze()  # what `lean` set aside until there was a first answer
    except EngineError:
        raise
    except Exception as error:
        logger.exception("%s failed", loaded.name)
        raise ModelError(
            f"{loaded.name} failed while it was answering; it may not be made for this use, "
            "or the machine may have run out of memory."
        ) from error


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


def width(model: Any) -> int:
    """Return how many dimensions a classifier's embeddings have."""
    config = model.config
    return int(getattr(config, "projection_dim", None) or config.vision_config.hidden_size)


def is_embedded(model: Any) -> bool:
    """Say whether a model is of an architecture that the project trains itself."""
    return model.config.model_type in _EMBEDDED


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
    time with AMX, 1.15 with AVX512-BF16 alone, and 2.8 with neither.
    """
    names = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if wanted != "auto":
        return names[wanted]
    if device.startswith("cuda"):
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if device == "cpu" and model_type not in _EMBEDDED and _has_amx():
        return torch.bfloat16
    return torch.float32


def _has_amx() -> bool:
    # Not public API; absent or refusing on some builds, which then keep float32.
    try:
        return bool(torch.cpu._is_amx_tile_supported())  # noqa: SLF001
    except (AttributeError, RuntimeError):
        return False


def _auto_class(role: Role) -> Any:
    if role == "classifier":
        return transformers.AutoModelForZeroShotImageClassification
    return transformers.AutoModelForImageTextToText
