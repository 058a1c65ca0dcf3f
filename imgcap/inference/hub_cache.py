"""Which checkpoints the model hub's cache on this machine holds, and where.

Nothing here imports huggingface_hub or touches the network.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from imgcap.inference.folders import CONFIG, Location, has_weights

_PROCESSORS = frozenset({"preprocessor_config.json", "processor_config.json"})
_TOKENIZERS = frozenset(
    {"tokenizer.json", "vocab.txt", "vocab.json", "spiece.model", "tokenizer.model"}
    | {"sentencepiece.bpe.model"}
)


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


def repository(hub_id: str) -> Path:
    """Return the folder in which the cache keeps a model, which may not be there."""
    return hub_cache() / f"models--{hub_id.replace('/', '--')}"


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
    complete: list[Location] = []
    configured: list[Path] = []
    weights: list[Path] = []
    for snapshot in _snapshots(repository(hub_id), revision, exact=exact):
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


def _has_processor(snapshot: Path) -> bool:
    names = {path.name for path in snapshot.iterdir() if path.is_file()}
    return bool(names & _PROCESSORS) and bool(names & _TOKENIZERS)


def _snapshots(folder: Path, revision: str, *, exact: bool) -> Iterator[Path]:
    """Yield the cached snapshots that may be used, each once, best first."""
    names = [revision] if revision else []
    names += [_read_ref(ref) for ref in sorted(folder.glob("refs/refs/pr/*"))]
    if not (exact and revision):
        names += [_read_ref(ref) for ref in sorted(folder.glob("refs/*")) if ref.is_file()]
        names += sorted(path.name for path in folder.glob("snapshots/*"))
    for name in dict.fromkeys(names):
        if re.fullmatch(r"[\w.-]+", name) and (folder / "snapshots" / name).is_dir():
            yield folder / "snapshots" / name


def _read_ref(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        return ""
