"""Which checkpoints exist, where each one lies on this machine, and whether it can be used.

Nothing here imports torch or transformers or touches the network.
"""

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from imgcap.inference.results import ModelError, Role
from imgcap.settings import Settings

EMBEDDED = "embedded"
CONFIG = "config.json"
WEIGHTS = "model.safetensors"
SHARDS = "model.safetensors.index.json"
WANTED = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
"""The files of a hub repository that are fetched; none of them can hold code."""

_LONGEST_SHOWN = 200
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt", "*.pkl")
_PROCESSORS = frozenset({"preprocessor_config.json", "processor_config.json"})
_TOKENIZERS = frozenset(
    {"tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model"}
    | {"sentencepiece.bpe.model"}
)
_ROLE_NAMES: Mapping[Role, str] = {"classifier": "zero-shot classifier", "captioner": "captioner"}


@dataclass(frozen=True)
class Checkpoint:
    """What is known about a checkpoint before it is loaded.

    Parameters
    ----------
    id : str
        The folder's name under data/models for an embedded one, else the hub id.
    role : {"classifier", "captioner"}
        What it is for.
    revision : str
        The pinned commit on the hub, empty for an embedded one.
    licence : str
        SPDX identifier, or a few words where none applies.
    megabytes : int
        Size of what is fetched or shipped, in 10**6 bytes.
    languages : tuple of str
        Languages of its labels or captions, as ISO 639-1 codes.
    purpose : str
        One line on what it is good for.
    embedded : bool
        Whether it comes with the project.
    """

    id: str
    role: Role
    revision: str
    licence: str
    megabytes: int
    languages: tuple[str, ...]
    purpose: str
    embedded: bool = False


# The main branches of both seed repositories hold pickles only. CLIP's pin is the commit in which
# the hub's own conversion bot added the safetensors file to main's 3d74acf9; BLIP's is main itself,
# for which `imgcap.inference.hub` finds that bot's commit.
REGISTRY: tuple[Checkpoint, ...] = (
    Checkpoint(
        id="imgcap-align-small",
        role="classifier",
        revision="",
        licence="demonstration, offline use and tests; not for commercial use",
        megabytes=38,
        languages=("en",),
        purpose="labels without any download; weaker than CLIP",
        embedded=True,
    ),
    Checkpoint(
        id="imgcap-captioner-small",
        role="captioner",
        revision="",
        licence="demonstration, offline use and tests; not for commercial use",
        megabytes=22,
        languages=("en",),
        purpose="captions without any download; weaker than BLIP",
        embedded=True,
    ),
    Checkpoint(
        id="openai/clip-vit-base-patch32",
        role="classifier",
        revision="c237dc49a33fc61debc9276459120b7eac67e7ef",
        licence="MIT",
        megabytes=609,
        languages=("en",),
        purpose="labels of any kind, trained on 400 million pictures",
    ),
    Checkpoint(
        id="Salesforce/blip-image-captioning-base",
        role="captioner",
        revision="82a37760796d32b1411fe092ab5d4e227313294b",
        licence="BSD-3-Clause",
        megabytes=991,
        languages=("en",),
        purpose="captions, trained on 129 million pictures and fine-tuned on COCO",
    ),
)


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


def embedded(role: Role) -> Checkpoint:
    """Return the checkpoint that comes with the project for a role."""
    return next(entry for entry in REGISTRY if entry.embedded and entry.role == role)


def known(name: str, role: Role) -> Checkpoint | None:
    """Return the registry's entry for a chosen name (``embedded`` or a hub id), or None."""
    if name == EMBEDDED:
        return embedded(role)
    return next((entry for entry in REGISTRY if entry.id == name and entry.role == role), None)


def display_name(name: str, role: Role) -> str:
    """Return the name under which a chosen checkpoint's answers appear."""
    return embedded(role).id if name == EMBEDDED else name


def local_folder(name: str, role: Role, settings: Settings) -> Path | None:
    """Return the folder a chosen name means, or None if it is a hub id.

    Raises
    ------
    ModelError
        If the name is neither a folder that exists nor a possible hub id.
    """
    if name == EMBEDDED:
        folder = settings.data / "models" / embedded(role).id
        if not folder.is_dir():
            raise ModelError(f"The embedded {role} is missing: {folder} does not exist.")
        return folder
    with suppress(OSError, RuntimeError):  # a name too long for a folder, an unknown ~user
        folder = Path(name).expanduser()
        if name and folder.is_dir():
            return folder
    if not _HUB_ID.fullmatch(name) or name.startswith((".", "~")):
        shown = name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…"
        raise ModelError(
            f"“{shown}” is neither a checkpoint folder nor a model id such as {REGISTRY[2].id}."
        )
    return None


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
    if (folder / WEIGHTS).is_file():
        return True
    try:
        index = json.loads((folder / SHARDS).read_text(encoding="utf-8"))
        shards = set(index["weight_map"].values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False
    names_only = all(isinstance(name, str) and Path(name).name == name for name in shards)
    return bool(shards) and names_only and all((folder / name).is_file() for name in shards)


def hub_cache() -> Path:
    """Return the hub's cache folder, from the variables that huggingface_hub itself reads."""
    for variable in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE"):
        if os.environ.get(variable):
            return Path(os.environ[variable]).expanduser()
    home = os.environ.get("HF_HOME")
    if not home:
        cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
        home = str(Path(cache) / "huggingface")
    return Path(home).expanduser() / "hub"


def hub_offline() -> bool:
    """Say whether the environment forbids asking the hub."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.upper() in {"1", "TRUE", "YES", "ON"} for value in values)


def find_cached(hub_id: str, revision: str = "", *, exact: bool = False) -> Location | None:
    """Find a complete checkpoint in the hub's cache.

    The pinned revision comes first, then commits that conversion pull requests and branches point
    at, then any other; a snapshot that lacks only the weights borrows those of another.

    Parameters
    ----------
    hub_id : str
        Such as ``"openai/clip-vit-base-patch32"``.
    revision : str
        The pinned commit, if there is one.
    exact : bool
        Take only the pinned revision or a conversion of it, as long as the hub can be asked.
    """
    repository = hub_cache() / f"models--{hub_id.replace('/', '--')}"
    complete: list[Location] = []
    configured: list[Path] = []
    weights: list[Path] = []
    for snapshot in _snapshots(repository, revision, exact=exact):
        has_config = (snapshot / CONFIG).is_file() and _has_processor(snapshot)
        if has_config and has_weights(snapshot):
            complete.append(Location(snapshot, snapshot, snapshot.name))
        elif has_config:
            configured.append(snapshot)
        elif has_weights(snapshot):
            weights.append(snapshot)
    if complete:
        return complete[0]
    if configured and weights and not exact:
        return Location(configured[0], weights[0], weights[0].name)
    return None


def is_present(name: str, role: Role, settings: Settings) -> bool:
    """Say whether a chosen checkpoint can be loaded without the network."""
    try:
        folder = local_folder(name, role, settings)
        if folder is not None:
            check_folder(folder, role)
            return True
    except ModelError:
        return False
    entry = known(name, role)
    return find_cached(name, entry.revision if entry else "") is not None


def _has_processor(snapshot: Path) -> bool:
    names = {path.name for path in snapshot.iterdir() if path.is_file()}
    return bool(names & _PROCESSORS) and bool(names & _TOKENIZERS)


def _snapshots(repository: Path, revision: str, *, exact: bool) -> Iterator[Path]:
    """Yield the cached snapshots that may be used, each once, best first."""
    names = [revision] if revision else []
    names += [_read_ref(ref) for ref in sorted(repository.glob("refs/refs/pr/*"))]
    if not (exact and revision):
        names += [_read_ref(ref) for ref in sorted(repository.glob("refs/*")) if ref.is_file()]
        names += sorted(path.name for path in repository.glob("snapshots/*"))
    for name in dict.fromkeys(names):
        if re.fullmatch(r"[\w.-]+", name) and (repository / "snapshots" / name).is_dir():
            yield repository / "snapshots" / name


def _read_ref(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
