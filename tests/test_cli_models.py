import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from imgcap.cli import app
from imgcap.inference.checkpoints import REGISTRY
from imgcap.settings import Settings
from tests.conftest import BuildCheckpoint


def lines(result: Result) -> list[dict[str, object]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_models_lists_every_checkpoint(empty_hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMGCAP_CAPTIONER", str(empty_hub))
    result = CliRunner().invoke(app, ["models", "--json"])
    rows = {row["id"]: row for row in lines(result)}
    assert set(rows) == {entry.id for entry in REGISTRY} | {str(empty_hub)}
    clip = rows["openai/clip-vit-base-patch32"]
    assert clip["role"] == "classifier"
    assert clip["licence"] == "MIT"
    assert len(clip["revision"]) == 40
    assert clip["where"] == "https://huggingface.co/openai/clip-vit-base-patch32"
    assert (clip["present"], clip["chosen"]) == (False, False)
    embedded = rows["imgcap-align-small"]
    assert embedded["chosen"]
    assert embedded["where"] == str(Settings().data / "models" / "imgcap-align-small")
    assert rows[str(empty_hub)]["chosen"]
    assert not rows["imgcap-captioner-small"]["chosen"]


def test_models_for_people_name_everything_at_80_columns(empty_hub: Path) -> None:
    text = CliRunner().invoke(app, ["models"]).stdout
    for entry in REGISTRY:
        assert entry.id in text
        assert entry.licence in text
        assert entry.revision in text
        assert entry.purpose in text
    table = text.splitlines()[: 1 + len(REGISTRY)]
    assert all(len(line) <= 80 for line in table)
    assert not empty_hub.exists()


def test_models_sees_a_checkpoint_folder(
    checkpoint: BuildCheckpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = checkpoint("clip")
    monkeypatch.setenv("IMGCAP_CLASSIFIER", str(folder))
    rows = {row["id"]: row for row in lines(CliRunner().invoke(app, ["models", "--json"]))}
    assert rows[str(folder)]["present"]
    assert rows[str(folder)]["where"] == str(folder)
