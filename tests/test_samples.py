"""The embedded models on the sample photographs, as a person would judge them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from imgcap.settings import Settings

DEFAULTS = Settings(classifier="embedded", captioner="embedded")

FITTING = {
    "astronaut": {"a person"},
    "cat": {"a photo of a cat"},
    "coffee": {"food"},
    "flower": {"nature"},
    "pagoda": {"a landscape", "nature"},
    "photographer": {"a person"},
}


@pytest.fixture(scope="module")
def answers() -> dict[str, dict[str, Any]]:
    """What the command line says of every sample, by its stem."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("IMGCAP_")}
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "from imgcap.cli import main; main()",
            "describe",
            str(DEFAULTS.data / "samples"),
            "--json",
        ],
        env=env | {"HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    lines = map(json.loads, done.stdout.splitlines())
    return {Path(line["file"]).stem: line for line in lines}


def test_every_sample_is_described(answers: dict[str, dict[str, Any]]) -> None:
    assert len(answers) == len(list((DEFAULTS.data / "samples").glob("*.jpg")))
    for answer in answers.values():
        assert "error" not in answer
        assert len(answer["caption"].split()) >= 2
        assert "unk" not in answer["caption"]
        assert len(answer["predictions"]) == 5


@pytest.mark.parametrize("sample", FITTING)
def test_the_best_label_fits(answers: dict[str, dict[str, Any]], sample: str) -> None:
    assert answers[sample]["predictions"][0]["label"] in FITTING[sample]


@pytest.mark.parametrize(
    ("sample", "fitting"),
    [
        ("astronaut", {"man", "woman", "person"}),
        ("cat", {"cat", "kitten"}),
        ("coffee", {"coffee", "cup"}),
        ("pagoda", {"building", "palace", "pagoda", "temple"}),
    ],
)
def test_the_caption_names_the_thing(
    answers: dict[str, dict[str, Any]], sample: str, fitting: set[str]
) -> None:
    assert fitting & set(answers[sample]["caption"].split())
