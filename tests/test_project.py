"""The project around the code: quick imports, one lock, a stripped notebook, true commands."""

import json
import re
import shlex
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import imgcap

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
LOCK = dict(
    line.split("==")
    for line in (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    if "==" in line
)
REQUIREMENTS = [
    requirement
    for group in [PROJECT["dependencies"], *PROJECT["optional-dependencies"].values()]
    for requirement in group
    if Requirement(requirement).name != "imgcap"  # its own extras
]
README_COMMANDS = [
    line.removeprefix("$ ")
    for block in re.findall(
        r"```console\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    for line in block.splitlines()
    if line.startswith("$ imgcap ")
]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_importing_the_commands_loads_no_model_library() -> None:
    code = "import sys, imgcap.cli; print(sorted({'torch', 'transformers'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.strip() == "[]"


def test_the_version_is_written_once_for_people_and_once_for_pip() -> None:
    assert imgcap.__version__ == PROJECT["version"] == version("imgcap")


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_the_lock_names_a_version_inside_every_range(requirement: str) -> None:
    wanted = Requirement(requirement)
    locked = {canonical(name): number for name, number in LOCK.items()}
    assert locked[canonical(wanted.name)] in wanted.specifier


def test_the_lock_keeps_torch_where_the_cpu_build_is() -> None:
    assert LOCK["torch"] == "2.13.0"


def test_the_notebook_is_stripped_and_short() -> None:
    notebook = json.loads((ROOT / "dashboard.ipynb").read_text(encoding="utf-8"))
    code = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert code
    for cell in code:
        assert cell["outputs"] == []
        assert cell["execution_count"] is None
        assert len(cell["source"]) <= 30


def test_readme_shows_commands() -> None:
    assert len(README_COMMANDS) >= 3


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder such as the README's commands start in, whose feedback may change."""
    folder = tmp_path_factory.mktemp("checkout")
    (folder / "data").mkdir()
    (folder / "data" / "samples").symlink_to(ROOT / "data" / "samples")
    return folder


@pytest.mark.parametrize("line", README_COMMANDS)
def test_every_command_of_the_readme_runs(line: str, checkout: Path) -> None:
    imgcap_command = Path(sys.executable).with_name("imgcap")
    words = [str(imgcap_command), *shlex.split(line)[1:]]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=checkout)
    assert done.returncode == 0, done.stderr
    assert done.stdout or "holds" in done.stderr  # `--out` writes a file and says so


def test_the_python_example_of_the_readme_runs() -> None:
    [example] = re.findall(
        r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL
    )
    done = subprocess.run(
        [sys.executable, "-c", example], capture_output=True, text=True, check=False, cwd=ROOT
    )
    assert done.returncode == 0, done.stderr
    caption, summary = done.stdout.splitlines()
    assert "cat" in caption
    assert summary.startswith("This picture most likely shows a cat")
