"""Embeddings and perceptual hashes of judged pictures, kept so that none is computed twice."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import imagehash
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from imgcap.feedback import FeedbackRecord
from imgcap.feedback.files import explained, whole_file
from imgcap.feedback.pictures import PictureFolder
from imgcap.inference import Engine
from imgcap.inference.errors import CancelledError
from imgcap.inference.events import Cancel, Progress
from imgcap.inference.label_weights import Floats
from imgcap.learning.kept import reopened
from imgcap.settings import Settings

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

_BATCH: Final = 8


@dataclass(frozen=True)
class Seen:
    """A picture's embedding, `(dim,) float32`, and its perceptual hash without edits."""

    embedding: Floats
    hash: np.uint64


def picture_key(record: FeedbackRecord) -> str:
    """Return what names a record's picture together with its edits."""
    asked = json.dumps([record.picture_file, *record.edits], sort_keys=True)
    return hashlib.sha256(asked.encode("utf-8", "replace")).hexdigest()


def perceptual_hash(image: "Image.Image") -> np.uint64:
    """Return 64 bits of which few differ between pictures that are nearly equal."""
    return np.uint64(int(str(imagehash.phash(image)), 16))


def see(  # noqa: PLR0913  # what to embed, with what, where it is kept, and the hooks
    records: Iterable[FeedbackRecord],
    engine: Engine,
    settings: Settings,
    path: Path,
    revision: str,
    *,
    cancel: Cancel | None = None,
    progress: Progress | None = None,
) -> dict[str, Seen]:
    """Embed the kept pictures of records; return what was seen by `picture_key`.

    A picture that is gone or damaged is left out. What is kept at `path` is of these records only:
    an embedding does not outlive the feedback that it was made for.
    """
    wanted = {picture_key(record): record for record in records}
    known = {key: seen for key, seen in _read(path, revision).items() if key in wanted}
    new = [(key, record) for key, record in wanted.items() if key not in known]
    known |= dict(_embed(new, engine, settings, cancel, progress))
    if known:
        _keep(path, revision, known)
    else:
        path.unlink(missing_ok=True)
    return known


def _embed(
    wanted: list[tuple[str, FeedbackRecord]],
    engine: Engine,
    settings: Settings,
    cancel: Cancel | None,
    progress: Progress | None,
) -> Iterator[tuple[str, Seen]]:
    folder = PictureFolder(settings.pictures)
    for start in range(0, len(wanted), _BATCH):
        if cancel is not None and cancel():
            raise CancelledError
        keys: list[str] = []
        hashes: list[np.uint64] = []
        images: list[Image.Image] = []
        for key, record in wanted[start : start + _BATCH]:
            if found := reopened(record, folder, settings):
                kept, image = found
                keys.append(key)
                hashes.append(perceptual_hash(kept))
                images.append(image)
        vectors = engine.embed(images, cancel=cancel) if images else ()
        yield from zip(keys, map(Seen, vectors, hashes), strict=True)
        if progress:
            progress(min(start + _BATCH, len(wanted)), len(wanted))


def _read(path: Path, revision: str) -> dict[str, Seen]:
    try:
        with safe_open(path, "np") as file:
            about = file.metadata() or {}
            if about.get("revision") != revision:
                return {}
            keys = json.loads(about["keys"])
            vectors, hashes = file.get_tensor("embeddings"), file.get_tensor("hashes")
        return dict(zip(keys, map(Seen, vectors, hashes), strict=True))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return {}  # they are computed again


def _keep(path: Path, revision: str, known: dict[str, Seen]) -> None:
    tensors: dict[str, NDArray[Any]] = {
        "embeddings": np.stack([seen.embedding for seen in known.values()]),
        "hashes": np.array([seen.hash for seen in known.values()], np.uint64),
    }
    content = save(tensors, {"revision": revision, "keys": json.dumps(list(known))})
    with explained("The embeddings could not be kept", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(content)
