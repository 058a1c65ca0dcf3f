"""Choosing the models, and stopping their work."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from safetensors.numpy import load_file, save_file

from tests.browser.conftest import StartServer
from tests.browser.dashboard import SAMPLES, Dashboard
from tests.browser.voila_server import Server
from tests.conftest import BuildCheckpoint
from tests.hub_server import Commit, Hub
from tests.hub_server import serve as serve_hub

BEFORE = "The models from before go on answering."


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve_hub() as running:
        yield running


def choose(dashboard: Dashboard, classifier: str, captioner: str = "embedded") -> None:
    dashboard.models.get_by_label("For labels").fill(classifier)
    dashboard.models.get_by_label("For captions").fill(captioner)
    dashboard.press("Use these models")


def test_models_that_cannot_be_had_leave_those_from_before(
    page: Page, server: Server, checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.press("Choose other models")
    expect(dashboard.models).to_contain_text("clearly weaker than CLIP and BLIP")
    expect(dashboard.models.get_by_role("row", name="openai/clip-vit-base-patch32")).to_be_visible()
    (tmp_path / "config.json").write_text("{}")
    said = dashboard.models.get_by_role("alert")
    for nonsense in ("/no/such/folder", "nobody/nothing", str(tmp_path), "<b>bold</b>"):
        choose(dashboard, nonsense)
        expect(said).to_contain_text(BEFORE)
        expect(said).to_contain_text(nonsense)
        expect(dashboard.models.get_by_role("button", name="Use these models")).to_be_enabled()
        choose(dashboard, "embedded")
        expect(dashboard.models).to_contain_text("The chosen models are in use.")
    choose(dashboard, str(checkpoint("clip")), "nobody/nothing")
    expect(said).to_contain_text(BEFORE)
    dashboard.take_sample("cat")
    assert dashboard.labels()[0] == "a photo of a cat"
    assert "imgcap-align-small" in dashboard.timing()


def test_other_models_answer_what_is_on_screen_and_are_named(
    page: Page, server: Server, checkpoint: BuildCheckpoint
) -> None:
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    caption = dashboard.caption_timing()
    dashboard.press("Choose other models")
    clip = str(checkpoint("clip"))
    choose(dashboard, clip)
    expect(dashboard.models).to_contain_text("The chosen models are in use.")
    expect(dashboard.models.locator("strong").first).to_have_text(clip)
    expect(dashboard.result).to_contain_text(f"Labels: {clip}")
    expect(dashboard.rows).to_have_count(5)
    assert dashboard.caption_timing() == caption, "the captioner is the same"


@pytest.mark.long
def test_a_download_shows_its_way_and_can_be_cancelled(
    page: Page, start_server: StartServer, hub: Hub, checkpoint: BuildCheckpoint, tmp_path: Path
) -> None:
    clip = shutil.copytree(checkpoint("clip"), tmp_path / "clip")
    weights = load_file(clip / "model.safetensors")
    weights["padding"] = np.zeros(9_000_000, np.uint8)
    save_file(weights, clip / "model.safetensors", {"format": "pt"})
    hub.add("somebody/clip", "main", Commit("f" * 40, clip))
    server = start_server(HF_HUB_OFFLINE="0", HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "hf"))
    dashboard = Dashboard(page, server)
    dashboard.take_sample("cat")
    dashboard.press("Choose other models")
    hub.pace = 0.6
    choose(dashboard, "somebody/clip")
    far = re.compile(r"Downloading somebody/clip: [1-9] of \d+ MB")
    expect(dashboard.models).to_contain_text(far)
    progress = dashboard.models.get_by_role("progressbar", name="Progress of the change")
    expect(progress).to_be_visible()
    dashboard.models.get_by_role("button", name="Cancel").press("Enter")
    expect(dashboard.models).to_contain_text(BEFORE)
    expect(dashboard.models.get_by_role("button", name="Cancel")).to_be_hidden()
    expect(dashboard.models.get_by_role("button", name="Use these models")).to_be_focused()
    dashboard.take_sample("coffee")
    assert "imgcap-align-small" in dashboard.timing()

    hub.pace = 0
    dashboard.press("Use these models")
    expect(dashboard.models).to_contain_text("The chosen models are in use.")
    expect(dashboard.result).to_contain_text("Labels: somebody/clip")


def test_work_on_pictures_is_cancelled_and_taken_up_again(page: Page, server: Server) -> None:
    dashboard = Dashboard(page, server)
    status = page.locator(".imgcap-status")
    dashboard.press("How captions are written")
    dashboard.question.get_by_role("slider", name="Beams").press("End")
    names = ["astronaut", "cat", "coffee", "coins", "flower", "pagoda", "rocket"]
    dashboard.bring(*(SAMPLES / f"{name}.jpg" for name in names))
    expect(dashboard.strip.filter(has_text="Done").first).to_be_visible()
    expect(status).to_contain_text(re.compile(r"\(\d of \d\) …"))
    status.get_by_role("button", name="Cancel").press("Enter")
    expect(status).to_contain_text("Cancelled; what was answered so far is kept.")
    expect(status).to_be_focused()
    page.keyboard.press("Tab")
    expect(status.get_by_role("button", name="Try again")).to_be_focused()
    done = dashboard.strip.filter(has_text="Done").count()
    assert 0 < done < len(names)
    dashboard.press("Try again", within=status)
    expect(dashboard.strip.filter(has_text="Done")).to_have_count(len(names))
    expect(status.get_by_role("button", name="Try again")).to_be_hidden()
    expect(status.get_by_role("button", name="Cancel")).to_be_hidden()
