"""What strangers write, what breaks, and what is left when a visitor goes."""

import shutil
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect

from tests.browser.conftest import NewPage, StartServer
from tests.browser.dashboard import SAMPLES, Dashboard, stored
from tests.browser.voila_server import ROOT, Server, kernel_id, kernels, wait_until

IMAGE = '<img src=x onerror="window.owned = 1">'
SCRIPT = "<script>window.owned = 1</script>"
PAYLOAD = f"{IMAGE}{SCRIPT}"


def test_no_text_of_a_stranger_runs_and_all_of_it_is_shown_as_it_is(
    page: Page, server: Server, tmp_path: Path
) -> None:
    dashboard = Dashboard(page, server)
    name = f"{IMAGE}.jpg"
    shutil.copy(SAMPLES / "cat.jpg", tmp_path / name)
    dashboard.bring(tmp_path / name)
    dashboard.expect_answer(name)

    dashboard.press("How captions are written")
    prefix = dashboard.question.get_by_label("Begins with")
    prefix.fill(PAYLOAD)
    prefix.press("Enter")
    expect(dashboard.caption).to_contain_text("script")
    dashboard.use_labels(f"{PAYLOAD}\n$x$ <i>cat</i>\n{{{{7*7}}}}")
    expect(dashboard.rows).to_have_count(3)
    assert PAYLOAD in dashboard.labels()
    for chart in ("Pie", "Line", "Horizontal bar"):
        dashboard.choose_chart(chart)
        expect(dashboard.plot).to_contain_text("<i>cat</i>")
        dashboard.marks(chart).first.hover(force=True)  # plotly lays a transparent sheet over it
        expect(page.locator(".hoverlayer .hovertext")).to_be_visible()

    dashboard.press("Choose other models")
    dashboard.models.get_by_label("For labels").fill(PAYLOAD)
    dashboard.press("Use these models")
    expect(dashboard.models.get_by_role("alert")).to_contain_text("<img src=x")

    (tmp_path / "broken").mkdir()
    broken = tmp_path / "broken" / name
    broken.write_text("no picture")
    dashboard.bring(broken)
    expect(page.get_by_role("status").get_by_text(f"“{name}” is not a JPEG")).to_be_visible()

    dashboard.feedback.get_by_label("Right label").fill(PAYLOAD)
    dashboard.feedback.get_by_label("Right caption").fill(PAYLOAD)
    dashboard.send_feedback(PAYLOAD)
    record = stored(server)[0]
    assert {record.comment, record.corrected_label, record.corrected_caption} == {PAYLOAD}
    assert record.picture_name == name
    wait_until(lambda: dashboard.written_rows() > 0)
    assert page.evaluate("window.owned") is None
    assert page.locator("img[src='x'], script:text('owned')").count() == 0


def test_an_unexpected_error_ends_as_a_sentence_and_in_the_log(
    page: Page, start_server: StartServer, tmp_path: Path
) -> None:
    data, log, temporary = tmp_path / "data", tmp_path / "page.log", tmp_path / "temporary"
    shutil.copytree(SAMPLES, data / "samples")
    shutil.copytree(ROOT / "data" / "labels", data / "labels")
    (data / "models").symlink_to(ROOT / "data" / "models")
    temporary.mkdir()
    server = start_server(IMGCAP_DATA=str(data), IMGCAP_LOG=str(log), TMPDIR=str(temporary))
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")

    (data / "samples" / "coffee.jpg").unlink()
    samples = page.get_by_role("list", name="Sample pictures")
    samples.get_by_role("button", name="coffee").click()
    expect(dashboard.trouble).to_have_text(
        "Something unexpected went wrong; nothing you entered is lost. The details are in page.log."
    )
    dashboard.press("Dismiss")
    expect(dashboard.trouble).to_have_count(0)
    (data / "labels" / "food.txt").unlink()
    dashboard.question.get_by_label("Label set").select_option("Food")
    expect(page.get_by_role("alert").filter(has_text="food.txt could not be read")).to_be_visible()

    for folder in temporary.glob("imgcap-*"):
        shutil.rmtree(folder)
    dashboard.bring(SAMPLES / "rocket.jpg")
    expect(page.get_by_text("“rocket.jpg” could not be used because of an")).to_be_visible()
    written = log.read_text()
    assert "coffee.jpg" in written
    assert written.count("Traceback") >= 2
    dashboard.use_labels("a cat, a dog")  # the page goes on
    expect(dashboard.rows).to_have_count(2)
    assert "Traceback" not in page.locator("body").inner_text()


def test_a_closed_page_leaves_no_kernel_and_no_file(
    new_page: NewPage, start_server: StartServer, tmp_path: Path
) -> None:
    server = start_server(TMPDIR=str(tmp_path))
    staying, leaving = (Dashboard(new_page(), server) for _ in range(2))
    leaving.take_sample("cat")
    assert len(list(tmp_path.glob("imgcap-*"))) == 2
    [kernel] = [each for each in kernels(server) if kernel_id(leaving.page) in str(each.cmdline())]
    leaving.page.close(run_before_unload=True)
    wait_until(lambda: not psutil.pid_exists(kernel.pid))
    wait_until(lambda: len(list(tmp_path.glob("imgcap-*"))) == 1)
    staying.take_sample("cat")
