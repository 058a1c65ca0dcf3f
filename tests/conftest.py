"""Fixtures that several test files share."""

import logging
import os
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from imgcap.settings import Settings
    from imgcap.widgets.analyst import Analyst
    from imgcap.widgets.state import AppState
    from tests.fakes import HeldEngine

# As `imgcap.inference.lean` has it, for the tests that import torch first: two processes share the
# cores, and threads that wait by spinning take them from those that work.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

pytest_plugins = (
    "tests.describe_cli",
    "tests.feedback_cli",
    "tests.feedback_databases",
    "tests.feedback_moves",
    "tests.feedback_servers",  # before those that import it
    "tests.feedback_places",
    "tests.learn_cli",
    "tests.records_page",
    "tests.scripted_service",
)

BuildCheckpoint = Callable[[str], Path]


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep what tests and their processes convert out of the cache of whoever runs them.

    Only the tests of OpenVINO convert for it: tiny checkpoints gain nothing.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("IMGCAP_CACHE", str(tmp_path_factory.mktemp("cache")))
        patch.setenv("IMGCAP_RUNTIME", "torch")
        yield


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


@pytest.fixture
def page_settings(tmp_path: Path) -> "Iterator[Settings]":
    """Return settings under which a page writes only to the test's folder."""
    from imgcap.settings import Settings

    package = logging.getLogger("imgcap")
    before = list(package.handlers)
    yield Settings(
        log=tmp_path / "page.log",
        feedback=f"csv:{tmp_path / 'feedback.csv'}",
        pictures=tmp_path / "pictures",
        calibration=tmp_path / "calibration",
        adapters=tmp_path / "adapters",
    )
    for handler in set(package.handlers) - set(before):
        package.removeHandler(handler)
        handler.close()


@pytest.fixture
def silent(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    """Let nothing warn, log or print while the test runs."""
    with warnings.catch_warnings(), caplog.at_level(logging.INFO):
        warnings.simplefilter("error")
        # Of a page that a test before left to the garbage collector.
        warnings.filterwarnings("ignore", "Implicitly cleaning up", ResourceWarning)
        yield
    assert not caplog.get_records("call")
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def engine() -> "HeldEngine":
    """Return an engine without models."""
    from tests.fakes import HeldEngine

    return HeldEngine()


@pytest.fixture
def state(page_settings: "Settings", engine: "HeldEngine") -> "Iterator[AppState]":
    """Return the state of a page whose engine needs no models."""
    from imgcap.widgets.state import AppState

    state = AppState(page_settings, engine)
    engine.listener = state.tell_model
    yield state
    state.shelf.close()


@pytest.fixture
def analyst(state: "AppState") -> "Iterator[Analyst]":
    """Return the thread that answers the state's question."""
    from imgcap.widgets.analyst import Analyst

    analyst = Analyst(state)
    yield analyst
    analyst.close()
