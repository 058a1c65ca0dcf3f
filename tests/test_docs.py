"""The documents say what is so: their commands run and print what stands there."""

import os
import re
import subprocess
import sys
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE, OutputChecker
from pathlib import Path

import pytest

from imgcap.feedback import open_store_at
from imgcap.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
FEEDBACK = (ROOT / "docs" / "feedback.md").read_text(encoding="utf-8")
CHANGING = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID"),
    (r"\b[0-9a-f]{64}\b", "CHECKSUM"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d", "TIME"),
)
URLS = sorted({*re.findall(r"\b(?:csv|sqlite|postgresql|mongodb(?:\+srv)?):[^\s`')]*\w", FEEDBACK)})


def sessions(text: str) -> list[tuple[str, str]]:
    """Return the commands of all consoles in a document, each with what it prints."""
    blocks = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    return [
        (command, output)
        for block in blocks
        for command, output in re.findall(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", block, re.MULTILINE)
    ]


def unchanging(output: str) -> str:
    for pattern, name in CHANGING:
        output = re.sub(pattern, name, output)
    return output


def test_the_commands_on_feedback_print_what_the_document_says(tmp_path: Path) -> None:
    commands = sessions(FEEDBACK)
    assert len(commands) >= 10
    environment = {name: os.environ[name] for name in os.environ if not name.startswith("IMGCAP_")}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"
    for command, expected in commands:
        done = subprocess.run(  # one after the other, as they build upon each other
            ["/bin/sh", "-c", command],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
            env={**environment, "IMGCAP_PICTURES": str(tmp_path / "pictures")},
        )
        assert (done.returncode, done.stderr) == (0, ""), command
        want, got = unchanging(expected), unchanging(done.stdout)
        same = OutputChecker().check_output(want, got, ELLIPSIS | NORMALIZE_WHITESPACE)
        assert same, f"{command}\n{done.stdout}"


@pytest.mark.parametrize("url", URLS)
def test_every_address_of_feedback_in_the_document_is_one(url: str) -> None:
    open_store_at(url).close()


def test_the_document_names_the_default_store_and_every_kind() -> None:
    assert f"`{Settings.model_fields['feedback'].default}` (default)" in FEEDBACK
    assert {url.partition(":")[0] for url in URLS} == {"csv", "sqlite", "postgresql", "mongodb"}
