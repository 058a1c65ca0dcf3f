"""What surrounds the notebook's widgets: start, policy, files, and the end of a kernel."""

import http.client
import json
import re
import sys
from pathlib import Path
from urllib.parse import quote, urlsplit

import nbformat
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, StartServer
from tests.browser.dashboard import Dashboard
from tests.browser.voila_server import (
    ROOT,
    Server,
    kernel_id,
    kernels,
    open_dashboard,
    wait_until,
)

SHARED = [path for top in ("etc", "share") for path in (ROOT / top).rglob("*") if path.is_file()]
WIDGETS = """\
import ipywidgets as widgets
from IPython.display import display
button, said = widgets.Button(description="press"), widgets.Label("nothing yet")
button.on_click(lambda _: setattr(said, "value", "pressed"))
display(widgets.VBox([button, said]))
"""
CHART = """\
import plotly.graph_objects as go
chart = go.FigureWidget(go.Figure(go.Bar(x=[1, 2], y=["a", "b"], orientation="h")))
display(widgets.VBox([chart]))
"""
GRID = """\
import pandas as pd
from ipydatagrid import DataGrid, TextRenderer
plain = TextRenderer(text_color="black", background_color="transparent")  # the default compiles
display(DataGrid(pd.DataFrame({"rating": [1, 2]}), default_renderer=plain))
"""
UPLOAD = """\
upload, size = widgets.FileUpload(description="choose"), widgets.Label("no file")
tell = lambda change: setattr(size, "value", f"{len(change.new[0].content)} bytes")
upload.observe(tell, "value")
display(widgets.VBox([upload, size]))
"""
PAYLOAD = """\
display(widgets.HTML('''<p>harmless</p><img src="data:," onerror="document.title = 'owned'">
<script>document.title = 'owned'</script><a href="javascript:document.title = 'owned'">link</a>'''))
"""


def write_notebook(folder: Path, *cells: str) -> Path:
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell) for cell in cells], metadata={"kernelspec": kernel}
    )
    path = folder / "widgets.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture(scope="module")
def shell(start_server: StartServer, tmp_path_factory: pytest.TempPathFactory) -> Server:
    folder = tmp_path_factory.mktemp("notebook")
    return start_server(write_notebook(folder, WIDGETS, CHART, GRID, UPLOAD))


def ask(server: Server, path: str) -> tuple[int, str]:
    """Ask for a path exactly as written: a usual client would tidy ``..`` away."""
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    connection.request("GET", path)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace")


def directives(policy: str) -> dict[str, list[str]]:
    parts = (part.split() for part in policy.split(";"))
    return {words[0]: words[1:] for words in parts if words}


@pytest.mark.parametrize("path", SHARED, ids=lambda path: path.name)
def test_the_environment_serves_the_template_of_the_repository(path: Path) -> None:
    installed = Path(sys.prefix) / path.relative_to(ROOT)
    assert installed.read_bytes() == path.read_bytes(), "run make install"


@pytest.mark.parametrize(("scheme", "dark"), [("light", False), ("dark", True)])
def test_a_visitor_sees_at_once_that_the_page_is_starting(
    new_page: NewPage, shell: Server, scheme: str, *, dark: bool
) -> None:
    page = new_page(color_scheme=scheme)
    page.goto(shell.address, wait_until="commit")
    expect(page.get_by_text("imgcap is starting ...")).to_be_visible()
    # Nothing is painted before the style sheets are there, but the text stands in the page already.
    expect(page.locator("body")).not_to_have_css("background-color", "rgba(0, 0, 0, 0)")
    red = page.evaluate("parseInt(getComputedStyle(document.body).backgroundColor.slice(4))")
    assert (red < 64) is dark
    assert page.title() == "imgcap"
    assert page.locator("html").get_attribute("lang") == "en"
    assert page.locator("link[rel=icon]").get_attribute("href", timeout=0).startswith("data:")
    page.get_by_role("button", name="press").wait_for()
    expect(page.get_by_text("imgcap is starting ...")).to_be_hidden()
    assert page.locator("body").get_attribute("data-jp-theme-light") == str(not dark).lower()


def test_every_kind_of_widget_works_under_the_policy(page: Page, shell: Server) -> None:
    open_dashboard(page, shell)
    page.get_by_role("button", name="press").click()
    expect(page.get_by_text("pressed", exact=True)).to_be_visible()
    expect(page.locator(".js-plotly-plot .bars .point")).to_have_count(2)
    expect(page.locator(".ipydatagrid-widget canvas").first).to_be_visible()


def test_an_upload_beyond_the_default_limit_arrives(
    page: Page, shell: Server, tmp_path: Path
) -> None:
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(12 * 2**20))
    open_dashboard(page, shell)
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="choose").click()
    chooser.value.set_files(large)
    expect(page.get_by_text(f"{12 * 2**20} bytes")).to_be_visible()


def test_no_script_in_a_text_runs(
    page: Page, start_server: StartServer, tmp_path: Path, page_errors: list[str]
) -> None:
    open_dashboard(page, start_server(write_notebook(tmp_path, WIDGETS, PAYLOAD)))
    expect(page.get_by_text("harmless")).to_be_visible()
    page.get_by_text("link", exact=True).click()
    page.get_by_role("button", name="press").click()
    expect(page.get_by_text("pressed", exact=True)).to_be_visible()
    assert page.title() == "imgcap"
    assert all("Content Security Policy" in error for error in page_errors)
    page_errors.clear()


def test_the_policy_names_no_other_host(page: Page, shell: Server) -> None:
    answer = page.goto(shell.address)
    policy = directives(answer.header_value("content-security-policy"))
    known = re.compile(r"'(self|none|unsafe-inline|sha256-[\w+/=]+)'|data:|blob:")
    for name, sources in policy.items():
        assert all(known.fullmatch(source) for source in sources), name
    assert policy["default-src"] == ["'self'"]
    assert policy["object-src"] == ["'none'"]
    assert {"base-uri", "form-action", "frame-ancestors"} <= policy.keys()
    assert not {"'unsafe-inline'", "'unsafe-eval'", "data:"} & set(policy["script-src"])
    # A server that runs Voilà as an extension has another header, so the page repeats it.
    element = page.locator("meta[http-equiv=Content-Security-Policy]")
    del policy["frame-ancestors"]  # browsers take it from a header only
    assert directives(element.get_attribute("content")) == policy


@pytest.mark.parametrize("trick", ["{}", "./{}", "static/../{}", "static/%2e%2e/{}", "%2e/{}"])
@pytest.mark.parametrize(
    "path",
    ["data/feedback.csv", "data/samples/cat.jpg", "data/models/evaluation.json", "dashboard.ipynb"],
)
def test_no_file_of_ours_is_served(server: Server, path: str, trick: str) -> None:
    known = kernels(server)
    for address in (f"/voila/files/{trick.format(path)}", f"/voila/files/{quote(path, safe='')}"):
        status, text = ask(server, address)
        assert status in {403, 404}
        assert text.startswith("<html><title>40")
    assert set(kernels(server)) <= set(known)


def test_closing_the_tab_ends_its_kernel_and_no_other(new_page: NewPage, shell: Server) -> None:
    known = set(kernels(shell))
    stays, goes = new_page(), new_page()
    open_dashboard(stays, shell)
    [kept] = set(kernels(shell)) - known
    open_dashboard(goes, shell)
    [ended] = set(kernels(shell)) - known - {kept}
    goes.close(run_before_unload=True)
    wait_until(lambda: ended not in kernels(shell))
    stays.get_by_role("button", name="press").click()
    expect(stays.get_by_text("pressed", exact=True)).to_be_visible()
    stays.goto("about:blank")
    wait_until(lambda: kept not in kernels(shell))


def test_closing_the_tab_while_it_starts_ends_its_kernel(page: Page, shell: Server) -> None:
    known = set(kernels(shell))
    page.goto(shell.address, wait_until="domcontentloaded")
    [started] = set(kernels(shell)) - known
    page.close(run_before_unload=True)
    wait_until(lambda: started not in kernels(shell))


def test_a_dead_kernel_is_a_sentence(page: Page, shell: Server) -> None:
    known = set(kernels(shell))
    open_dashboard(page, shell)
    [kernel] = set(kernels(shell)) - known
    kernel.kill()
    expect(page.get_by_role("alert")).to_contain_text("has ended")


@pytest.mark.parametrize("argv", [[sys.executable, "-c", "raise SystemExit"], ["/no/python"]])
def test_a_kernel_that_cannot_start_is_a_sentence(
    page: Page,
    start_server: StartServer,
    tmp_path: Path,
    page_errors: list[str],
    argv: list[str],
) -> None:
    broken = tmp_path / "jupyter" / "kernels" / "python3"
    broken.mkdir(parents=True)
    kernel = {"argv": argv, "display_name": "Python 3", "language": "python"}
    (broken / "kernel.json").write_text(json.dumps(kernel))
    notebook = write_notebook(tmp_path, WIDGETS)
    page.goto(start_server(notebook, JUPYTER_PATH=str(tmp_path / "jupyter")).address)
    sentence = page.get_by_text(re.compile(r"could not (start|show).*log says why"))
    expect(sentence).to_be_visible()
    assert "Traceback" not in page.content()
    page_errors.clear()  # the browser's own lines on statuses and closed sockets


def test_a_server_that_stopped_is_a_sentence(
    page: Page, start_server: StartServer, tmp_path: Path, page_errors: list[str]
) -> None:
    server = start_server(write_notebook(tmp_path, WIDGETS))
    open_dashboard(page, server)
    server.process.terminate()
    expect(page.get_by_role("alert")).to_contain_text("does not answer")
    page_errors.clear()  # the browser's own lines on refused connections


def test_a_cell_that_fails_is_a_sentence_without_a_traceback(
    page: Page, start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(write_notebook(tmp_path, WIDGETS, "1 / 0"))
    open_dashboard(page, server)
    expect(page.get_by_role("alert")).to_contain_text("could not be built")
    assert "ZeroDivisionError" not in page.content()
    assert "ZeroDivisionError" in server.log.read_text()


def test_settings_that_cannot_be_used_are_sentences_on_a_page_that_works(
    page: Page, start_server: StartServer
) -> None:
    bad = {
        "IMGCAP_MAX_UPLOAD_MB": "abc",
        "IMGCAP_DEVICE": "<b>tpu</b>",
        "IMGCAP_ENGINE": "telepathy",
        "IMGCAP_DATA": "/no/such/folder",
        "IMGCAP_FEEDBACK": "pigeon://me:pa55word@loft",
    }
    dashboard = Dashboard(page, start_server(**bad))
    for name in bad:
        expect(dashboard.trouble).to_contain_text(name)
    expect(dashboard.trouble).to_contain_text("“<b>tpu</b>”")
    dashboard.take_sample("cat")
    assert dashboard.labels()[0] == "a photo of a cat"
    dashboard.press("Send feedback")
    expect(dashboard.feedback).to_contain_text("no feedback store of the kind “pigeon”")
    assert "pa55word" not in page.content()
    expect(page.locator("#imgcap-notice")).to_be_hidden()


def test_jupyter_server_serves_the_same_page(
    page: Page, start_server: StartServer, tmp_path: Path
) -> None:
    """As Binder does: Voilà as an extension, the repository being the folder it starts in."""
    write_notebook(tmp_path, WIDGETS, UPLOAD)
    options = ("--no-browser", "--port={port}", "--IdentityProvider.token=", "--allow-root")
    root = f"--ServerApp.root_dir={tmp_path}"
    server = start_server(command=("jupyter_server", root, *options))
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(12 * 2**20))
    page.goto(f"{server.address}voila/render/widgets.ipynb")
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="choose").click()
    chooser.value.set_files(large)
    expect(page.get_by_text(f"{12 * 2**20} bytes")).to_be_visible()
    assert page.locator("meta[http-equiv=Content-Security-Policy]").count() == 1
    assert kernel_id(page)
    page.close(run_before_unload=True)
    wait_until(lambda: kernels(server) == [])
