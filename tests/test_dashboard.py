"""The notebook as JupyterLab's "Run all" and nbconvert run it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent
DASHBOARD = ROOT / "dashboard.ipynb"
PANELS = (
    *("Bring a picture", "What to look for", "What it shows"),
    *("Tell it where it was wrong", "Models", "What was said"),
)
USE = """
import time
def wait_until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, (state.error, state.statuses, state.models)
        time.sleep(0.1)
result, chart, feedback, models = columns.right.children
upload, preview, question = columns.left.children
upload.samples.set_state({"selected": "cat.jpg"})
wait_until(lambda: set(state.statuses.values()) == {"done"})
feedback.comment.value = "From a notebook."
feedback.submit.click()
wait_until(lambda: len(page.children[-1].grid.data) == 1)
print(state.description.predictions[0].label)
print(state.description.caption)
print(sum(bool(trace.visible) for trace in chart.figure.data))
print(list(page.children[-1].grid.data["Comment"]))
print(repr(state.error), len(state.settings.log.read_text()))
"""


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Let the notebook write to the test's folder only, and ask no hub."""
    variables = {
        "IMGCAP_FEEDBACK": f"csv:{tmp_path / 'feedback.csv'}",
        "IMGCAP_LOG": str(tmp_path / "page.log"),
        "HF_HUB_OFFLINE": "1",
        "IPYTHONDIR": str(tmp_path / "ipython"),
        "JUPYTER_CONFIG_DIR": str(tmp_path / "config"),
        "JUPYTER_RUNTIME_DIR": str(tmp_path / "runtime"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return {**os.environ}


def test_nbconvert_executes_it(environment: dict[str, str], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "jupyter", "nbconvert", "--to", "notebook", "--execute"]
    before = DASHBOARD.read_bytes()
    done = subprocess.run(
        [*command, "--output-dir", str(tmp_path), str(DASHBOARD)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert DASHBOARD.read_bytes() == before
    executed = json.loads((tmp_path / DASHBOARD.name).read_text())
    outputs = [output for cell in executed["cells"] for output in cell.get("outputs", [])]
    kinds = [output["output_type"] for output in outputs]
    assert kinds == ["execute_result"], "the page and nothing else, no warning either"
    text = json.dumps(executed["metadata"]["widgets"])
    for title in PANELS:
        assert f"<h2>{title}</h2>" in text
    assert (tmp_path / "page.log").read_text() == ""


@pytest.mark.usefixtures("environment")
def test_a_person_can_go_on_in_the_notebook() -> None:
    notebook = nbformat.read(DASHBOARD, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(USE))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    [output] = notebook.cells[-1].outputs
    label, caption, charts, comments, trouble = output["text"].splitlines()
    assert label == "a photo of a cat"
    assert {"cat", "kitten"} & set(caption.split())
    assert charts == "1"
    assert comments == "['From a notebook.']"
    assert trouble == "'' 0"


def test_importing_the_widgets_loads_no_large_library() -> None:
    code = """
import sys, imgcap.widgets
print(sorted({"torch", "transformers", "pandas", "plotly", "ipydatagrid"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
