"""Which checkpoints exist, where each one lies on this machine, and whether it can be used.

Nothing here imports torch or transformers or touches the network.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from imgcap.inference.errors import ModelError
from imgcap.inference.events import Role
from imgcap.inference.folders import check_folder
from imgcap.inference.hub_cache import find_cached
from imgcap.settings import Settings

EMBEDDED = "embedded"

_LONGEST_SHOWN = 200
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


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
