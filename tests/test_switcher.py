import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgcap.feedback import open_store
from imgcap.inference import Engine, EngineError, open_engine
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.feedback import FeedbackPanel
from imgcap.widgets.models import ModelsPanel
from imgcap.widgets.state import AppState
from imgcap.widgets.switcher import IN_USE, Switcher
from tests.conftest import BuildCheckpoint
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until

FALLBACK = "The models from before go on answering."


@pytest.fixture
def tiny(
    page_settings: Settings, checkpoint: BuildCheckpoint, empty_hub: Path
) -> Iterator[AppState]:
    """A page on tiny models of a folder; the hub cannot be asked."""
    assert not empty_hub.exists()
    chosen = {"classifier": str(checkpoint("clip")), "captioner": str(checkpoint("blip"))}
    state = AppState(page_settings.model_copy(update=chosen))
    yield state
    state.shelf.close()


@pytest.fixture
def answering(tiny: AppState) -> Iterator[Analyst]:
    analyst = Analyst(tiny)
    yield analyst
    analyst.close()


def described(state: AppState) -> bool:
    with state.lock:
        return set(state.statuses.values()) == {"done"}


def over(state: AppState) -> bool:
    with state.lock:
        return not state.switching and bool(state.switched)


def loaded(engine: Engine, role: str) -> object:
    assert isinstance(engine, LocalEngine)
    return engine._loaders[role].loaded


@pytest.mark.usefixtures("answering")
@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        ("/no/such/folder", "“/no/such/folder” is neither a checkpoint folder nor a model id"),
        ("openai/clip-vit-base-patch32", "the hub is switched off by HF_HUB_OFFLINE"),
        ("<script>alert(1)</script>", "is neither a checkpoint folder"),
        ("~nobody-of-this-name/x", "is neither a checkpoint folder"),
        ("half an emoji \ud83d", "is neither a checkpoint folder"),
        ("a" * 10_000, "is neither a checkpoint folder"),
    ],
)
def test_a_choice_that_fails_says_why_and_leaves_the_models_that_answer(
    tiny: AppState, choice: str, reason: str
) -> None:
    before = tiny.engine
    models = {role: event.checkpoint for role, event in tiny.models.items()}
    Switcher(tiny).switch(choice, tiny.settings.captioner)
    wait_until(lambda: over(tiny))
    assert reason in tiny.switched
    assert tiny.switched.endswith(FALLBACK)
    assert tiny.engine is before
    assert {role: event.checkpoint for role, event in tiny.models.items()} == models
    assert tiny.error == ""
    assert tiny.settings.log.read_text() == ""
    bring(tiny, "a.png")
    wait_until(lambda: described(tiny))


def test_a_damaged_checkpoint_is_refused_and_logged(
    tiny: AppState, tmp_path: Path, checkpoint: BuildCheckpoint
) -> None:
    broken = tmp_path / "broken"
    shutil.copytree(checkpoint("clip"), broken)
    (broken / "model.safetensors").write_bytes(b"no weights")
    Switcher(tiny).switch(str(broken), tiny.settings.captioner)
    wait_until(lambda: over(tiny))
    assert "its files are incomplete, damaged" in tiny.switched
    assert "Traceback" in tiny.settings.log.read_text()


def test_other_models_describe_the_pictures_anew_and_feedback_names_them(
    tiny: AppState, answering: Analyst, checkpoint: BuildCheckpoint
) -> None:
    assert answering
    bring(tiny, "a.png", "b.png")
    wait_until(lambda: described(tiny))
    before = tiny.description
    assert before is not None
    old, clip = tiny.engine, loaded(tiny.engine, "classifier")
    Switcher(tiny).switch(tiny.settings.classifier, str(checkpoint("git")))
    wait_until(lambda: over(tiny))
    assert tiny.switched == IN_USE
    wait_until(lambda: described(tiny))
    after = tiny.description
    assert after is not None
    assert after.models == {
        "classifier": str(checkpoint("clip")),
        "captioner": str(checkpoint("git")),
    }
    assert after.classification is before.classification, "that question was answered already"
    assert loaded(tiny.engine, "classifier") is clip, "the model that stays is not loaded twice"
    wait_until(lambda: loaded(old, "captioner") is None, "the one that goes is freed")
    assert {(e.checkpoint, e.stage) for e in tiny.models.values()} == {
        (name, "ready") for name in after.models.values()
    }

    FeedbackPanel(tiny).form.submit.click()
    wait_until(lambda: tiny.saved)
    [record] = open_store(tiny.settings).read()
    assert (record.classifier, record.captioner) == tuple(after.models.values())

    Switcher(tiny).switch(tiny.settings.classifier, str(checkpoint("blip")))
    wait_until(lambda: over(tiny))
    assert tiny.description == before, "earlier answers are known"


class Doors:
    """Stands for `open_engine`: every engine it opens is a fake one, held while it loads."""

    def __init__(self) -> None:
        self.opened: list[HeldEngine] = []

    def __call__(self, settings: Settings, listener: object, like: object = None) -> HeldEngine:
        del like
        self.opened.append(HeldEngine(settings.classifier, settings.captioner, listener))
        return self.opened[-1]


@pytest.fixture
def doors(monkeypatch: pytest.MonkeyPatch) -> Doors:
    """Open fakes: whether a load is over when a person cancels it must not be a matter of luck."""
    doors = Doors()
    monkeypatch.setattr("imgcap.widgets.switcher.open_engine", doors)
    return doors


def hold_next(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    opening = doors.__call__

    def held(*args: object, **kwargs: object) -> HeldEngine:
        engine = opening(*args, **kwargs)
        engine._gates["load"].clear()
        return engine

    monkeypatch.setattr("imgcap.widgets.switcher.open_engine", held)


@pytest.mark.usefixtures("analyst")
def test_a_cancelled_choice_leaves_the_models_that_answer(
    state: AppState, engine: HeldEngine, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_next(doors, monkeypatch)
    switcher = Switcher(state)
    switcher.switch("new/one", "new/two")
    wait_until(lambda: state.switching["classifier"].stage == "load")
    bring(state, "a.png")
    wait_until(lambda: described(state), "the page is answered meanwhile")
    assert {event.checkpoint for event in state.models.values()} == {
        "fake-classifier",
        "fake-captioner",
    }
    switcher.cancel()
    wait_until(lambda: over(state))
    assert state.switched == f"The work was cancelled. {FALLBACK}"
    assert state.engine is engine
    assert not engine.closed
    wait_until(lambda: doors.opened[0].closed)


def test_two_quick_choices_do_not_mix(
    state: AppState, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_next(doors, monkeypatch)
    switcher = Switcher(state)
    switcher.switch("first/one", "first/two")
    with pytest.raises(EngineError, match="wait, or cancel that first"):
        switcher.switch("second/one", "second/two")
    wait_until(lambda: doors.opened)
    doors.opened[0]._gates["load"].set()
    wait_until(lambda: over(state))
    assert [e.checkpoint for e in state.models.values()] == ["first/one", "first/two"]
    switcher.switch("third/one", "third/two")
    wait_until(lambda: len(doors.opened) == 2)
    doors.opened[0].close()  # whatever the engine that goes says
    assert "first/one" not in {event.checkpoint for event in state.switching.values()}
    doors.opened[1]._gates["load"].set()
    wait_until(lambda: over(state))
    assert {(e.checkpoint, e.stage) for e in state.models.values()} == {
        ("third/one", "ready"),
        ("third/two", "ready"),
    }
    assert state.settings.classifier == "third/one"
    wait_until(lambda: doors.opened[0].closed)


def test_an_unexpected_error_frees_the_page_for_another_choice(
    state: AppState, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr("imgcap.widgets.switcher.open_engine", stumble)
    Switcher(state).switch("a/b", "c/d")
    wait_until(lambda: over(state))
    assert state.switched.startswith("Something unexpected went wrong")
    assert "RuntimeError: a bug" in state.settings.log.read_text()


@pytest.mark.usefixtures("doors")
def test_the_panel_says_which_models_answer_and_takes_others(state: AppState) -> None:
    panel = ModelsPanel(state)
    assert "fake-classifier" in panel.in_use.value
    assert "weaker" not in panel.in_use.value
    panel.choices["classifier"].value = "<i>x</i>/y"
    panel.choices["captioner"].value = " "
    panel.apply.click()
    wait_until(lambda: over(state))
    assert "<strong>&lt;i&gt;x&lt;/i&gt;/y</strong> and <strong>embedded</strong>" in (
        panel.in_use.value
    )
    assert IN_USE in panel.message.value
    assert "alert" not in panel.message.value
    assert not panel.apply.disabled
    assert panel.cancel.layout.display == "none"


def test_the_panel_shows_progress_and_cancels(
    state: AppState, doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold_next(doors, monkeypatch)
    panel = ModelsPanel(state)
    panel.apply.click()
    wait_until(lambda: "Loading embedded" in panel.message.value)
    assert panel.apply.disabled
    assert panel.cancel.layout.display is None
    panel.cancel.click()
    wait_until(lambda: over(state))
    assert 'role="alert"' in panel.message.value
    assert FALLBACK in panel.message.value


@pytest.mark.usefixtures("empty_hub")
def test_the_panel_warns_of_the_embedded_models_and_lists_the_others(
    page_settings: Settings,
) -> None:
    state = AppState(page_settings, open_engine(page_settings))
    panel = ModelsPanel(state)
    assert "clearly weaker than CLIP" in panel.in_use.value
    panel.fold.button.is_open = True
    rows = panel.list.value.split("<tr>")
    assert any("openai/clip-vit-base-patch32" in row and "to download" in row for row in rows)
    assert all("here" in row for row in rows if "<td>embedded<br>" in row)
    assert len([row for row in rows if "<td>embedded<br>" in row]) == 2
    state.shelf.close()


def test_the_panel_says_that_a_model_failed(state: AppState, engine: HeldEngine) -> None:
    panel = ModelsPanel(state)
    engine.load_problems["captioner"] = EngineError("It is <b>gone</b>.")
    with pytest.raises(EngineError):
        engine.load("captioner")
    assert "It is &lt;b&gt;gone&lt;/b&gt;." in panel.in_use.value
