"""What the tests of `imgcap learn` share."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from imgcap.cli import app
from imgcap.settings import Settings


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Give the settings that commands read, under which they write only to the test's folder."""
    monkeypatch.setenv("IMGCAP_FEEDBACK", f"csv:{tmp_path / 'feedback.csv'}")
    for name in ("calibration", "adapters", "pictures"):
        monkeypatch.setenv(f"IMGCAP_{name.upper()}", str(tmp_path / name))
    return Settings()


def run(*words: str, status: int = 0) -> str:
    """Call `imgcap learn`, which ends with that status, and return what it says."""
    result = CliRunner().invoke(app, ["learn", *words])
    assert result.exit_code == status, result.output
    return result.output
