import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from imgcap import __version__
from imgcap.cli import app

HEAVY = {"torch", "transformers", "PIL", "numpy", "pandas", "sqlalchemy", "pymongo", "ijson"}
FEEDBACK = ("add", "list", "stats", "export", "import", "copy", "delete")
IMGCAP = str(Path(sys.executable).with_name("imgcap"))


def test_version() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"imgcap {__version__}\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--help"],
        ["--version"],
        ["models"],
        ["describe", "--help"],
        ["feedback", "--help"],
        *(["feedback", name, "--help"] for name in FEEDBACK),
    ],
)
def test_quick_commands_load_no_library_of_models_or_stores(arguments: list[str]) -> None:
    code = (
        "import sys\nfrom imgcap.cli import app\n"
        f"try: app({arguments!r})\n"
        "except SystemExit: pass\n"
        f"print({HEAVY!r} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "set()\n"
    assert done.stdout


def test_help_names_every_feedback_command_and_the_options_that_the_readme_does() -> None:
    text = CliRunner().invoke(app, ["feedback", "--help"]).stdout
    wide = CliRunner(env={"COLUMNS": "200"})
    helps = {name: wide.invoke(app, ["feedback", name, "--help"]).stdout for name in FEEDBACK}
    for name, its_help in helps.items():
        assert f"│ {name} " in text
        assert ("--store" in its_help) == (name != "copy")
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    named = re.findall(rf"`({'|'.join(FEEDBACK)}) (--[\w-]+)", readme)
    assert named
    assert all(option in helps[name] for name, option in named)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("arguments", [["models"], ["feedback", "list"], ["feedback", "export"]])
def test_output_that_does_not_fit_the_disk_is_one_sentence(
    arguments: list[str], tmp_path: Path
) -> None:
    env = os.environ | {"IMGCAP_FEEDBACK": f"csv:{tmp_path / 'feedback.csv'}"}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [IMGCAP, *arguments],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            env=env,
        )
    assert done.returncode == 1
    assert done.stderr == (
        "imgcap: Standard output could not be written (no space left on device).\n"
    )
