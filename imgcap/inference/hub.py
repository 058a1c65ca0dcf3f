"""Fetching a checkpoint from the model hub: pinned, safetensors only, with progress and cancel."""

import errno
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, wait
from fnmatch import fnmatch
from typing import Any

from imgcap.inference.checkpoints import EMBEDDED, known
from imgcap.inference.errors import CancelledError, ModelError
from imgcap.inference.events import Cancel, Role
from imgcap.inference.folders import SHARDS, WEIGHTS, Location
from imgcap.inference.hub_cache import find_cached, hub_cache, hub_offline, repository

Bytes = Callable[[int, int], None]
"""Told how many bytes have arrived, of how many."""

WANTED = ("*.json", "*.txt", "*.model", "*.jinja", "*.safetensors")
"""The files of a hub repository that are fetched; none of them can hold code."""

_CONVERSION_TITLE = "Adding `safetensors` variant of this model"
_CONVERSION_AUTHOR = "SFconvertbot"
_PICKLE = "pytorch_model.bin"
_TIMEOUT = 10
_POLL = 0.2  # seconds between two looks at how far a download is, and whether it is cancelled
_PIECE = 2**18  # bytes of a file that arrive between two reports of huggingface_hub
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
        Called with bytes done and total of all files together, a few times a second.
    cancel : callable, optional
        Asked as often; the download is left at once, even while the hub does not answer.

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
        return _watch(_Download(hub_id, revision), progress, cancel)
    except (ModelError, CancelledError):
        raise
    except Exception as error:
        fallback = find_cached(hub_id, revision)
        if fallback:
            return fallback
        raise ModelError(_absent(hub_id, role, _reason(error))) from error


class _Download:
    """The files of a checkpoint on their way into the cache.

    Attributes
    ----------
    done, total : int
        Bytes of all files together; those that were in the cache before count as done.
    """

    def __init__(self, hub_id: str, revision: str) -> None:
        self._hub_id = hub_id
        self._revision = revision
        self._lock = threading.Lock()
        self._stopped = threading.Event()
        self.done = self.total = 0

    def stop(self) -> None:
        """Break off; what has arrived stays in the cache for the next time."""
        self._stopped.set()

    def arrived(self, count: int) -> None:
        """Count bytes, from whichever thread has them; negative where some must come again."""
        if self._stopped.is_set():
            raise CancelledError
        with self._lock:
            self.done += count

    def run(self) -> Location:
        """Fetch what is missing, and return where all of it lies."""
        from huggingface_hub import HfApi, constants, snapshot_download

        # Its reports come with each piece of this size; by itself it would take 10 MB. And a Xet
        # transfer could not be broken off: it goes on whatever the bar raises.
        constants.DOWNLOAD_CHUNK_SIZE = _PIECE
        constants.HF_HUB_DISABLE_XET = True
        # Read at each call: huggingface_hub itself reads the environment once, when it is imported.
        endpoint = os.environ.get("HF_ENDPOINT") or None
        api = HfApi(endpoint=endpoint)
        reference = self._revision or "main"
        commit, files = _list_files(api, self._hub_id, reference)
        if not files.keys() & {WEIGHTS, SHARDS}:
            reference = _converted(api, self._hub_id, files)
            commit, files = _list_files(api, self._hub_id, reference)
        self._count(commit, files)
        # The weights come last, so that where they are, nothing else is missing.
        for weights in (False, True):
            snapshot_download(
                self._hub_id,
                revision=reference,
                cache_dir=hub_cache(),
                endpoint=endpoint,
                allow_patterns=list(WANTED),
                ignore_patterns=["*/*"] if weights else ["*/*", "*.safetensors"],
                etag_timeout=_TIMEOUT,
                tqdm_class=_progress_bar(self.arrived),
            )
        found = find_cached(self._hub_id, commit, exact=True)
        if found is None:
            raise ModelError(f"{self._hub_id} is not a complete checkpoint on the hub.")
        return found

    def _count(self, commit: str, files: Mapping[str, Any]) -> None:
        folder = repository(self._hub_id) / "snapshots" / commit
        wanted = {
            name: file.size or 0
            for name, file in files.items()
            if "/" not in name and any(fnmatch(name, pattern) for pattern in WANTED)
        }
        self.total = sum(wanted.values())
        self.arrived(sum(size for name, size in wanted.items() if (folder / name).exists()))


def _watch(download: _Download, progress: Bytes, cancel: Cancel | None) -> Location:
    """Run a download in a thread of its own, which a cancel need not wait for."""
    future: Future[Location] = Future()

    def run() -> None:
        try:
            future.set_result(download.run())
        except BaseException as error:  # noqa: BLE001  # raised again where it is waited for
            future.set_exception(error)

    threading.Thread(target=run, name="imgcap-download", daemon=True).start()
    told = (0, 0)
    try:
        while not future.done():
            wait([future], _POLL)
            state = (download.done, download.total)
            if state != told:
                progress(*state)
                told = state
            if cancel is not None and cancel():
                raise CancelledError
        return future.result()
    finally:
        download.stop()


def _list_files(api: Any, hub_id: str, reference: str) -> tuple[str, dict[str, Any]]:
    """Return the commit behind a reference, and its files with their sizes and hashes, by name."""
    info = api.model_info(hub_id, revision=reference, files_metadata=True, timeout=_TIMEOUT)
    return str(info.sha), {file.rfilename: file for file in info.siblings or ()}


def _converted(api: Any, hub_id: str, files: Mapping[str, Any]) -> str:
    """Return the pull request in which the hub's bot converted exactly these pickled weights."""
    pickled = files[_PICKLE].blob_id if _PICKLE in files else None
    for discussion in api.get_repo_discussions(hub_id, discussion_type="pull_request"):
        if discussion.author != _CONVERSION_AUTHOR or discussion.title != _CONVERSION_TITLE:
            continue
        reference = str(discussion.git_reference)
        _, converted = _list_files(api, hub_id, reference)
        same = _PICKLE in converted and converted[_PICKLE].blob_id == pickled
        if pickled and same and WEIGHTS in converted:
            return reference
    raise ModelError(
        f"{hub_id} has only pickled weights, which could run foreign code; "
        "choose a model with safetensors."
    )


def _progress_bar(arrived: Callable[[int], None]) -> type:
    """Make the class through which huggingface_hub reports the bytes that arrive."""
    from tqdm import tqdm

    class Bar(tqdm):
        """A bar that draws nothing; of the two of a download it counts the one for the disk."""

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            description = str(kwargs.get("desc", ""))
            self._counts = kwargs.get("unit") == "B" and "Downloading" not in description
            kwargs.pop("name", None)
            super().__init__(*args, **{**kwargs, "disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            arrived(int(n or 0) if self._counts else 0)
            return None

    return Bar


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
