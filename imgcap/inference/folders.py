"""What a checkpoint's folder must hold, so that it can be loaded and is safe to read.

Nothing here imports torch or transformers.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgcap.inference.errors import ModelError
from imgcap.inference.events import Role

CONFIG = "config.json"
GENERATION = "generation_config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_ROLE_NAMES: Mapping[Role, str] = {"classifier": "zero-shot classifier", "captioner": "captioner"}


@dataclass(frozen=True)
class Location:
    """Where a checkpoint's files lie.

    Parameters
    ----------
    folder : Path
        Holds the configuration, the processor and the tokenizer.
    weights : Path
        Holds the safetensors files; another folder only in a hub cache that was filled by
        transformers, which keeps converted weights under their own commit.
    revision : str
        The commit, empty for a folder.
    """

    folder: Path
    weights: Path
    revision: str = ""


def check_folder(folder: Path, role: Role) -> Location:
    """Make sure that a folder looks like a checkpoint whose weights are safe to read.

    Raises
    ------
    ModelError
        If the configuration is missing or unreadable, or the weights are missing or pickled.
    """
    read_config(folder)
    if not has_weights(folder):
        if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
            raise ModelError(
                f"The weights in {folder} are pickled, which could run foreign code; "
                "only safetensors files are loaded."
            )
        raise ModelError(f"The {_ROLE_NAMES[role]} folder {folder} holds no {WEIGHTS}.")
    return Location(folder, folder)


def read_config(folder: Path) -> dict[str, Any]:
    """Read a checkpoint's configuration.

    Raises
    ------
    ModelError
        If it is missing, is not a JSON object or names no model type.
    """
    try:
        config = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ModelError(f"{folder} is not a checkpoint: it has no {CONFIG}.") from error
    except (OSError, ValueError) as error:
        raise ModelError(f"The {CONFIG} in {folder} cannot be read.") from error
    if not isinstance(config, dict) or not isinstance(config.get("model_type"), str):
        raise ModelError(f"The {CONFIG} in {folder} does not say what kind of model it is.")
    return config


def has_weights(folder: Path) -> bool:
    """Say whether every safetensors file of a checkpoint is in the folder."""
    return bool(weight_files(folder))


def weight_files(folder: Path) -> list[Path]:
    """Return the safetensors files of a checkpoint, none unless all are in the folder."""
    if (folder / WEIGHTS).is_file():
        return [folder / WEIGHTS]
    try:
        index = json.loads((folder / SHARDS).read_text(encoding="utf-8"))
        shards = sorted(set(index["weight_map"].values()))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return []
    names_only = all(isinstance(name, str) and Path(name).name == name for name in shards)
    files = [folder / name for name in shards] if names_only else []
    return files if all(file.is_file() for file in files) else []
