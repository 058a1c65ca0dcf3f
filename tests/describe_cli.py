"""What the tests of `imgcap describe` share."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgcap import inference
from imgcap.cli import app
from tests.naming_engine import NamingEngine
from tests.picture_files import every_kind

JPEG = every_kind()["JPEG"]
Command = Callable[..., Result]


@pytest.fixture
def naming_engine(monkeypatch: pytest.MonkeyPatch) -> NamingEngine:
    """Give the engine that commands of this process get."""
    engine = NamingEngine()
    monkeypatch.setattr(inference, "open_engine", lambda *_: engine)
    return engine


@pytest.fixture
def command(naming_engine: NamingEngine) -> Command:  # noqa: ARG001  # starts no real one
    """Return a function that calls `imgcap` in this process."""

    def call(*arguments: object, data: bytes = b"") -> Result:
        return CliRunner().invoke(app, [str(part) for part in arguments], input=data)

    return call


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """Give a folder of three pictures, each named by one of the common labels."""
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("cat.jpg", "dog.jpg", "food.jpg"):
        (folder / name).write_bytes(JPEG)
    return folder


def lines(result: Result) -> list[dict[str, object]]:
    """Return what a command printed as JSON, an object a line."""
    return [json.loads(line) for line in result.stdout.splitlines()]
