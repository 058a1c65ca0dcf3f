"""Fixtures that several test files share."""

from collections.abc import Callable
from pathlib import Path

import pytest

BuildCheckpoint = Callable[[str], Path]


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> BuildCheckpoint:
    """Return a function that builds a tiny checkpoint once a session: ``checkpoint("clip")``."""
    from tests import checkpoints

    root = tmp_path_factory.mktemp("checkpoints")

    def build(kind: str) -> Path:
        folder = root / kind
        if not folder.exists():
            getattr(checkpoints, f"build_{kind}")(folder)
        return folder

    return build


@pytest.fixture
def empty_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Point the hub's cache at an empty folder, forbid the network, and return the cache."""
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return tmp_path / "hf" / "hub"
