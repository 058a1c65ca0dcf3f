"""Fetching a checkpoint from the model hub: pinned, safetensors only, with progress and cancel."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from imgcap.inference.checkpoints import EMBEDDED, known
from imgcap.inference.folders import SHARDS, WEIGHTS, Location
from imgcap.inference.hub_cache import find_cached, hub_cache, hub_offline
from imgcap.inference.results import Cancel, CancelledError, ModelError, Role

Bytes = Callable[[int, int], None]
"""Told how many bytes have arrived, of how many."""

WANTED = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
"""The files of a hub repository that are fetched; none of them can hold code."""

_CONVERSION_TITLE = "Adding `safetensors` variant of this model"
_CONVERSION_AUTHOR = "SFconvertbot"
_PICKLE = "pytorch_model.bin"
_TIMEOUT = 10
_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EACCES: "the cache folder cannot be written",
    errno.EROFS: "the cache folder cannot be written",
}


def fetch(hub_id: str, role: Role, progress: Bytes, cancel: Cancel | None = None) -> Location:
    """Return where a hub checkpoint lies in the cache, downloading it if need be.

    A checkpoint that is complete in the cache is taken from there without asking the hub. The
    revision is the registry's pin, else the commit that the main branch has now. Where it holds
    only pickles, the commit in which the hub's conversion bot added safetensors to the very same
    weights is taken instead.

    Parameters
    ----------
    hub_id : str
        Such as ``"openai/clip-vit-base-patch32"``.
    role : {"classifier", "captioner"}
        What it is for; the errors name it.
    progress : callable
        Called with bytes done and total, from the downloading threads.
    cancel : callable, optional
        Asked for each piece that arrives.

    Raises
    ------
    ModelError
        If the checkpoint is not in the cache and the hub cannot be reached, does not have it, or
        has only pickled weights.
    CancelledError
        If `cancel` said so; what has arrived stays in the cache for the next time.
    """
    entry = known(hub_id, role)
    revision = entry.revision if entry else ""
    cached = find_cached(hub_id, revision, exact=not hub_offline())
    if cached:
        return cached
    if hub_offline():
        raise ModelError(_absent(hub_id, role, "the hub is switched off by HF_HUB_OFFLINE"))
    try:
        return _download(hub_id, revision, progress, cancel)
    except (ModelError, CancelledError):
        raise
    except Exception as error:
        fallback = find_cached(hub_id, revision)
        if fallback:
            return fallback
        raise ModelError(_absent(hub_id, role, _reason(error))) from error


def _download(hub_id: str, revision: str, progress: Bytes, cancel: Cancel | None) -> Location:
    from huggingface_hub import HfApi, snapshot_download

    # Read at each call: huggingface_hub itself reads the environment once, when it is imported.
    endpoint = os.environ.get("HF_ENDPOINT") or None
    api = HfApi(endpoint=endpoint)
    blobs = _blobs(api, hub_id, revision or None)
    reference = revision or "main"
    if not blobs.keys() & {WEIGHTS, SHARDS}:
        reference = _converted(api, hub_id, blobs)
    # The weights come last, so that where they are, nothing else is missing.
    for weights in (False, True):
        folder = snapshot_download(
            hub_id,
            revision=reference,
            cache_dir=hub_cache(),
            endpoint=endpoint,
            allow_patterns=list(WANTED),
            ignore_patterns=["*/*"] if weights else ["*/*", "*.safetensors"],
            etag_timeout=_TIMEOUT,
            tqdm_class=_progress_bar(progress if weights else _ignore, cancel),
        )
    found = find_cached(hub_id, Path(folder).name, exact=True)
    if found is None:
        raise ModelError(f"{hub_id} is not a complete checkpoint on the hub.")
    return found


def _blobs(api: Any, hub_id: str, revision: str | None) -> dict[str, str]:
    """Return the files of a revision with the hashes of their content."""
    info = api.model_info(hub_id, revision=revision, files_metadata=True, timeout=_TIMEOUT)
    return {file.rfilename: file.blob_id or "" for file in info.siblings or ()}


def _converted(api: Any, hub_id: str, blobs: dict[str, str]) -> str:
    """Return the pull request in which the hub's bot converted exactly these pickled weights."""
    for discussion in api.get_repo_discussions(hub_id, discussion_type="pull_request"):
        if discussion.author != _CONVERSION_AUTHOR or discussion.title != _CONVERSION_TITLE:
            continue
        reference = str(discussion.git_reference)
        converted = _blobs(api, hub_id, reference)
        same = bool(blobs.get(_PICKLE)) and converted.get(_PICKLE) == blobs[_PICKLE]
        if same and WEIGHTS in converted:
            return reference
    raise ModelError(
        f"{hub_id} has only pickled weights, which could run foreign code; "
        "choose a model with safetensors."
    )


def _progress_bar(progress: Bytes, cancel: Cancel | None) -> type:
    """Make the class through which huggingface_hub reports the bytes that arrive."""
    from tqdm import tqdm

    class Bar(tqdm):
        """A bar that draws nothing; of the two of a download it reports the one for the disk."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            description = str(kwargs.get("desc", ""))
            self._reports = kwargs.get("unit") == "B" and "Downloading" not in description
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            if cancel is not None and cancel():
                raise CancelledError
            self.n += n or 0
            if self._reports:
                progress(int(self.n), int(self.total or 0))
            return None

    return Bar


def _ignore(_done: int, _total: int) -> None:
    pass


def _absent(hub_id: str, role: Role, reason: str) -> str:
    return (
        f"The {role} {hub_id} is not on this machine and could not be fetched ({reason}): "
        f"connect to the network and try again, or choose “{EMBEDDED}”."
    )


def _reason(error: Exception) -> str:
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    if isinstance(error, GatedRepoError):
        return "its owner wants you to ask for access first"
    if isinstance(error, RepositoryNotFoundError):
        return "the hub has no public model of this name"
    status = getattr(getattr(error, "response", None), "status_code", None)
    if status:
        return f"the hub answered {status}"
    if isinstance(error, OSError) and error.errno in _DISK:
        return _DISK[error.errno]
    return "the model hub cannot be reached"
