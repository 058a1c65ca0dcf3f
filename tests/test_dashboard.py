"""The notebook as JupyterLab's "Run all" and nbconvert run it."""

import copy
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
    *("Tell it where it was wrong", "Models", "What was said", "How good the models have been"),
)
USE = """
import time
def wait_until(condition):
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline, (state.error, state.statuses, state.models)
        time.sleep(0.1)
[chart] = chart.children
upload, *_ = upper.left.children
feedback, _ = lower.right.children
upload.samples.set_state({"selected": "cat.jpg"})
wait_until(lambda: set(state.statuses.values()) == {"done"})
feedback.form.comment.value = "From a notebook."
feedback.form.submit.click()
wait_until(lambda: len(page.children[-3].rows.grid.data) == 1)
print(state.description.predictions[0].label)
print(state.description.caption)
print(sum(bool(trace.visible) for trace in chart.figure.data))
print(list(page.children[-3].rows.grid.data["Comment"]))
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


def said(cell: nbformat.NotebookNode) -> list[str]:
    """Return the lines that a cell has printed; it may have had nothing else to say."""
    assert {output.get("name") for output in cell.outputs} == {"stdout"}, cell.outputs
    return "".join(output["text"] for output in cell.outputs).splitlines()


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
    assert kinds == ["display_data"], "the page and nothing else, no warning either"
    text = json.dumps(executed["metadata"]["widgets"])
    for title in PANELS:
        assert f"<h2>{title}</h2>" in text
    assert (tmp_path / "page.log").read_text() == ""


@pytest.mark.usefixtures("environment")
def test_a_person_can_go_on_in_the_notebook() -> None:
    notebook = nbformat.read(DASHBOARD, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(USE))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    label, caption, charts, comments, trouble = said(notebook.cells[-1])
    assert label == "a photo of a cat"
    assert {"cat", "kitten"} & set(caption.split())
    assert charts == "1"
    assert comments == "['From a notebook.']"
    assert trouble == "'' 0"


LOOK = f"{USE.partition('feedback.form')[0]}print(state.description.predictions[0].label)"
COUNT = """
import time
from ipywidgets.widgets.widget import _instances
def count():
    while {event.stage for event in state.models.values()} != {"ready"}:
        time.sleep(0.1)
    return len(_instances)
before = count()
"""
LEAVE = """
import gc, threading, weakref
things = (state, analyst, page, state.engine, state.shelf, *upper.children, *lower.children)
left = [weakref.ref(thing) for thing in things]
del things, chart, feedback, upload, _
"""
RETURN = """
print(count() - before)
wait_until(lambda: gc.collect() >= 0 and not any(it() for it in left))
print([thread.name for thread in threading.enumerate() if thread.name.startswith("imgcap")])
"""


@pytest.mark.usefixtures("environment")
def test_run_all_cells_again_leaves_nothing_of_the_page_from_before() -> None:
    notebook = nbformat.read(DASHBOARD, as_version=4)
    cells = list(notebook.cells)
    count, use, leave, came_back, again = (
        nbformat.v4.new_code_cell(code) for code in (COUNT, USE, LEAVE, RETURN, LOOK)
    )
    notebook.cells = [*cells, count, use, leave, *copy.deepcopy(cells), came_back, again]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    assert said(came_back) == ["0", "['imgcap-analyst', 'imgcap-adapters']"]
    assert said(again) == ["a photo of a cat"], "the new page works"


BAD = {
    "IMGCAP_MAX_UPLOAD_MB": "abc",
    "IMGCAP_DTYPE": "int8",
    "IMGCAP_ENGINE": "telepathy",
    "IMGCAP_DATA": "/no/such/folder",
    "IMGCAP_FEEDBACK": "pigeon://me:secret@loft",
}
BESIDES = """
feedback.form.submit.click()
wait_until(lambda: not feedback.form.submit.disabled)
print(state.error)
print(feedback.form.message.value)
"""


def test_no_setting_however_bad_ends_the_page(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in BAD.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.read(DASHBOARD, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(f"{LOOK}\n{BESIDES}"))
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(ROOT)}}).execute()
    label, told, beside = said(notebook.cells[-1])
    assert label == "a photo of a cat"
    assert all(name in told for name in BAD)
    assert "no feedback store of the kind “pigeon”" in beside
    assert "Your feedback is still here" in beside
    assert "secret" not in told + beside
    assert not Path(environment["IMGCAP_LOG"]).read_text(), "nothing of this is unexpected"


def test_importing_the_widgets_loads_no_large_library() -> None:
    code = """
import sys, imgcap.widgets
print(sorted({"torch", "transformers", "pandas", "plotly", "ipydatagrid"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
