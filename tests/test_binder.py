"""What can be known here of the environment that conda and Binder build."""

import importlib
import json
import re
import tomllib
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from imgcap.server_extension import LIMIT, websocket_limit
from imgcap.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
DEPENDENCIES = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
CONDA = dict(re.split(r"(?=[=<>])", package, maxsplit=1) for package in DEPENDENCIES[:2])


def test_the_python_of_the_environment_is_one_of_the_project_s() -> None:
    # Only with one equals sign and a minor version does Binder find its base for that Python.
    assert re.fullmatch(r"=3\.\d+", CONDA["python"])
    assert SpecifierSet(PROJECT["requires-python"]).contains(f"{CONDA['python'][1:]}.0")


def test_torch_is_there_for_the_cpu_before_pip_could_fetch_the_one_with_cuda() -> None:
    [torch] = [
        requirement
        for requirement in map(Requirement, PROJECT["dependencies"])
        if requirement.name == "torch"
    ]
    assert SpecifierSet(CONDA["pytorch-cpu"]) == torch.specifier


def test_the_project_itself_is_installed_with_its_template_and_its_extension() -> None:
    assert DEPENDENCIES[2:] == ["pip", {"pip": ["--editable ."]}]
    shared = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {top: top for top in ("etc/jupyter", "share/jupyter")}
    for top in shared:
        assert any(path.is_file() for path in (ROOT / top).rglob("*"))


def test_the_server_takes_uploads_as_large_as_those_of_make_run() -> None:
    [file] = (ROOT / "etc/jupyter/jupyter_server_config.d").glob("*.json")
    extensions = json.loads(file.read_text())["ServerApp"]["jpserver_extensions"]
    for name, enabled in extensions.items():
        points = importlib.import_module(name)._jupyter_server_extension_points()
        assert enabled
        assert [point["module"] for point in points] == [name]
    voila = json.loads((ROOT / "voila.json").read_text())["Voila"]["tornado_settings"]
    assert voila[LIMIT] == websocket_limit(Settings())


def test_the_badge_opens_a_notebook_that_is_there() -> None:
    [address] = re.findall(
        r"\((https://mybinder\.org/v2/[^)]+)\)", (ROOT / "README.md").read_text()
    )
    [path] = parse_qs(urlsplit(address).query)["urlpath"]
    kind, render, notebook = path.split("/", maxsplit=2)
    assert (kind, render) == ("voila", "render")
    assert (ROOT / notebook).is_file()
