from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image

from imgcap.feedback import FeedbackRecord
from imgcap.inference import ClassifyOptions, ModelError
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.answering import Turn
from imgcap.widgets.gallery.panel import EVERY_LABEL, GalleryPanel
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.pages import wait_until
from tests.picture_files import encode

COUNT = 14


def put(state: AppState, *seeds: int) -> None:
    """Bring pictures that look like nothing else."""
    for seed in seeds:
        noise = np.random.default_rng(seed).integers(0, 255, (8, 8, 3), np.uint8)
        image = Image.fromarray(noise).resize((64, 64), Image.Resampling.BICUBIC)
        state.add(state.shelf.put(encode(image, "PNG"), f"{seed}.png"), select=False)


def judge(state: AppState, picture_id: str, label: str = "a cat") -> None:
    """Send feedback about a picture, as the form does."""
    state.store.append(
        FeedbackRecord(
            rating=3, picture_sha256=picture_id, corrected_label=label, session=state.session
        )
    )
    state.saved += 1


def reasons(panel: GalleryPanel) -> list[str]:
    """Return what stands on the cards, in their order; nothing on those that were not chosen."""
    assert panel.grid is not None
    return [panel.grid._cards[key]["reason"] for key in panel.grid.order]


def said(panel: GalleryPanel) -> str:
    return str(panel.teaching.told.value)


def opened(state: AppState, analyst: Analyst, *seeds: int) -> GalleryPanel:
    panel = GalleryPanel(state, analyst)
    put(state, *seeds)
    panel.fold.button.is_open = True
    return panel


@pytest.fixture
def panel(state: AppState, analyst: Analyst) -> Iterator[GalleryPanel]:
    """The open gallery of fourteen described pictures."""
    panel = opened(state, analyst, *range(COUNT))
    wait_until(lambda: not panel.teaching.begin.disabled)
    yield panel
    state.closed = True


def taught(panel: GalleryPanel) -> list[str]:
    """Ask what to label next, and return the ids of what was chosen."""
    assert panel.grid is not None
    panel.teaching.begin.click()
    wait_until(lambda: "would teach the most" in said(panel))
    return [key for key, reason in zip(panel.grid.order, reasons(panel), strict=True) if reason]


def test_ten_come_first_each_with_its_reason_and_the_others_as_before(
    panel: GalleryPanel, state: AppState, engine: HeldEngine
) -> None:
    assert panel.grid is not None
    panel.label.value = panel.label.options[1][1]
    chosen = taught(panel)
    assert panel.label.value == EVERY_LABEL
    assert "These 10 would teach the most" in said(panel)
    assert len(chosen) == 10
    assert all(reasons(panel)[:10])
    arrival = [shown.id for shown in state.pictures]
    assert panel.grid.order == [*chosen, *(key for key in arrival if key not in chosen)]
    panel.sort.value = "name"
    assert panel.grid.order[:10] == chosen
    panel.sort.value = "arrival"
    panel.phrase.value = "a dog"
    wait_until(lambda: "nearest to" in panel.found.value)
    assert not any(reasons(panel))
    assert [step for step, _, _ in engine.done].count("embed") == COUNT
    panel.teaching.begin.click()
    wait_until(lambda: any(reasons(panel)))
    assert panel.phrase.value == ""
    assert [key for key in panel.grid.order if key in chosen] == chosen
    panel.teaching.end.click()
    assert panel.grid.order == arrival
    assert (said(panel), panel.teaching.end.layout.display) == ("", "none")


def test_what_is_judged_drops_out_until_the_next_are_asked_for(
    panel: GalleryPanel, state: AppState
) -> None:
    assert panel.grid is not None
    chosen = taught(panel)
    judge(state, chosen[3], label="")
    judge(state, chosen[0])
    wait_until(lambda: "9 of 10 still wait for your label" in said(panel))
    assert panel.grid.order[:9] == chosen[1:]
    state.remove(chosen[1])
    for key in chosen[2:]:
        judge(state, key)
    wait_until(lambda: "All of them have your label now" in said(panel))
    assert not any(reasons(panel))
    rest = taught(panel)
    assert len(rest) == COUNT - 10
    assert not set(rest) & set(chosen)
    for key in rest:
        judge(state, key)
    wait_until(lambda: "All of them have your label now" in said(panel))
    panel.teaching.begin.click()
    wait_until(lambda: "each was judged already" in said(panel))


def test_it_says_why_there_is_nothing_to_choose(
    state: AppState, analyst: Analyst, engine: HeldEngine
) -> None:
    with engine.held():
        panel = opened(state, analyst, 1, 2)
        assert panel.teaching.begin.disabled
        assert "3 pictures or more" in said(panel)
        put(state, 3)
        wait_until(lambda: "once all pictures are described" in said(panel))
        assert panel.teaching.begin.disabled
    wait_until(lambda: not panel.teaching.begin.disabled)
    state.classify_options = ClassifyOptions(independent=True)
    wait_until(lambda: "labels of which one is to be chosen" in said(panel))
    assert panel.teaching.begin.disabled
    state.closed = True


def test_choosing_can_be_cancelled(panel: GalleryPanel, engine: HeldEngine) -> None:
    with engine.held():
        panel.teaching.begin.click()
        wait_until(lambda: f"Looking at 0 of {COUNT} pictures" in said(panel))
        assert panel.teaching.end.description == "Cancel choosing"
        assert panel.teaching.begin.disabled
        wait_until(lambda: "embed" in [step for step, _, _ in engine.begun])
        panel.teaching.end.click()
        wait_until(lambda: engine.broken_off == 1)
        assert (said(panel), panel.teaching.begin.disabled) == ("", False)
    assert len(taught(panel)) == 10


def test_what_goes_wrong_is_one_sentence(panel: GalleryPanel, engine: HeldEngine) -> None:
    engine.problems["embed"] = ModelError("The model had <b>a bad day</b>.")
    panel.teaching.begin.click()
    wait_until(lambda: "The model had &lt;b&gt;a bad day" in said(panel))
    assert not panel.teaching.begin.disabled
    engine.problems.clear()
    assert len(taught(panel)) == 10


def test_pictures_that_could_not_be_described_are_not_chosen(
    state: AppState, analyst: Analyst, engine: HeldEngine
) -> None:
    engine.problems |= {f"classify {name}": ModelError("No.") for name in ("1.png", "2.png")}
    panel = opened(state, analyst, 1, 2, 3, 4)
    wait_until(lambda: not panel.teaching.begin.disabled)
    panel.teaching.begin.click()
    assert "Fewer than 3 pictures could be described." in said(panel)
    put(state, 5)
    wait_until(lambda: "3 of 5 done, 2 failed" in panel.count.value)
    names = {shown.id: shown.name for shown in state.pictures}
    assert {names[key] for key in taught(panel)} == {"3.png", "4.png", "5.png"}
    state.closed = True


def test_a_choice_ends_with_the_question_that_it_was_made_for(
    panel: GalleryPanel, state: AppState
) -> None:
    taught(panel)
    state.labels = ("a boat", "a <i>sail</i>")
    wait_until(lambda: "have changed" in said(panel) and not any(reasons(panel)))
    wait_until(lambda: not panel.teaching.begin.disabled)
    taught(panel)
    assert any("“a <i>sail</i>”" in reason for reason in reasons(panel))


def test_a_choice_ends_when_another_adapter_answers(panel: GalleryPanel, state: AppState) -> None:
    taught(panel)
    state.adapters = {"captioner": Turn("lora-20261123-120000-0123ab", 1)}
    panel.sort.value = "name"
    assert any(reasons(panel)), "captions have no part in it"
    state.adapters = {**state.adapters, "classifier": Turn("probe-20261123-120000-0123ab", 1)}
    wait_until(lambda: "have changed" in said(panel) and not any(reasons(panel)))
    wait_until(lambda: not panel.teaching.begin.disabled)
    assert len(taught(panel)) == 10
