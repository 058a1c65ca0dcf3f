import logging
import threading
from pathlib import Path

import pytest

from imgcap.feedback import FeedbackError, FeedbackRecord, open_store
from imgcap.images import PictureError
from imgcap.labels import label_sets, read_labels
from imgcap.settings import Settings
from imgcap.widgets.log import open_log
from imgcap.widgets.question import QuestionPanel
from imgcap.widgets.state import AppState
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until


def told(state: AppState) -> list[str]:
    """Collect every sentence that appears."""
    sentences: list[str] = []
    state.observe(lambda change: change["new"] and sentences.append(change["new"]), "error")
    return sentences


def test_a_page_begins_with_the_first_labels_and_no_picture(
    state: AppState, page_settings: Settings
) -> None:
    assert state.labels == read_labels(label_sets(page_settings)["seed"])
    assert (state.pictures, state.selected, state.picture) == ((), "", None)
    assert {event.stage for event in state.models.values()} == {"waiting"}
    assert state.error == ""


def test_every_page_has_a_session_of_its_own(page_settings: Settings, engine: HeldEngine) -> None:
    assert len({AppState(page_settings, engine).session for _ in range(3)}) == 3


def test_the_last_picture_brought_is_on_screen(state: AppState) -> None:
    first, second = bring(state, "a.png", "b.png")
    assert state.pictures == (first, second)
    assert state.picture == second
    bring(state, "c.png", select=False)
    assert state.picture == second


def test_the_same_file_is_one_picture(state: AppState) -> None:
    [first, _] = bring(state, "a.png", "b.png")
    state.add(first)
    assert [shown.name for shown in state.pictures] == ["a.png", "b.png"]
    assert state.picture == first


def test_the_neighbour_follows_a_picture_that_is_removed(state: AppState) -> None:
    first, second, third = bring(state, "a.png", "b.png", "c.png")
    state.remove(third.id)
    assert state.picture == second
    state.remove(first.id)
    assert state.picture == second, "another one went"
    state.remove(first.id)
    state.remove("no such picture")
    state.remove(second.id)
    assert (state.pictures, state.selected, state.picture) == ((), "", None)


def test_an_expected_error_is_shown_as_it_is_and_not_logged(state: AppState) -> None:
    def refuse(_: object) -> None:
        raise PictureError("“a.txt” is no picture.")

    assert state.guarded(refuse)("change") is None
    assert state.error == "“a.txt” is no picture."
    assert state.settings.log.read_text() == ""


def test_an_unexpected_error_of_an_observer_is_a_sentence_and_a_log_entry(state: AppState) -> None:
    def stumble(_: object) -> None:
        raise ZeroDivisionError("secret detail")

    state.observe(state.guarded(stumble), "top")
    state.top = 3
    assert state.error.startswith("Something unexpected went wrong")
    assert "secret" not in state.error
    assert state.settings.log.name in state.error
    logged = state.settings.log.read_text()
    assert "ZeroDivisionError: secret detail" in logged
    assert "in stumble" in logged, "where it happened"


def test_the_same_error_twice_is_shown_twice(state: AppState) -> None:
    sentences = told(state)
    state.report(PictureError("No."))
    state.report(PictureError("No."))
    assert sentences == ["No.", "No."]


def test_an_error_in_what_shows_errors_ends(state: AppState) -> None:
    def stumble(_: object) -> None:
        raise ZeroDivisionError

    state.observe(state.guarded(stumble), "error")
    state.report(PictureError("No."))
    assert state.error == "No."
    assert "ZeroDivisionError" in state.settings.log.read_text()


def test_a_guarded_callback_returns_what_it_is_wrapped_around(state: AppState) -> None:
    assert state.guarded(lambda a, *, b: a + b)(1, b=2) == 3


def test_guarded_callbacks_of_many_threads_take_turns(state: AppState) -> None:
    inside: list[int] = []
    crowds: list[int] = []

    def work() -> None:
        inside.append(1)
        crowds.append(len(inside))
        state.top = state.top % 9 + 1
        inside.pop()

    threads = [threading.Thread(target=state.guarded(work)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert crowds == [1] * 20


def test_work_in_the_background_ends_with_its_result_or_a_sentence(state: AppState) -> None:
    results: list[object] = []

    def refuse() -> None:
        raise PictureError("No.")

    def stumble() -> None:
        raise ZeroDivisionError

    for work in (lambda: threading.current_thread().name, refuse, stumble):
        state.in_background(work, results.append, results.append)
        wait_until(lambda: len(results) == 1)
        results.append(results.pop())
        if work is refuse:
            assert results == ["No."]
        elif work is stumble:
            assert "unexpected" in str(results[0])
        else:
            assert results != [threading.current_thread().name]
        results.clear()
    assert state.error == "", "it is told where it was asked for"
    assert "ZeroDivisionError" in state.settings.log.read_text()


def test_what_follows_background_work_is_guarded_too(state: AppState) -> None:
    state.in_background(lambda: 1, lambda one: one / 0, lambda _: None)
    wait_until(lambda: "unexpected" in state.error)


def test_steps_of_an_engine_that_was_replaced_are_not_the_page_s(state: AppState) -> None:
    old, state.engine = state.engine, HeldEngine("new", "new", state.tell_model)
    state.engine.load()
    old.close()
    assert {(e.checkpoint, e.stage) for e in state.models.values()} == {("new", "ready")}


def test_a_log_that_cannot_be_written_is_told_and_another_is_written(
    page_settings: Settings,
    engine: HeldEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (tmp_path / "file").write_text("")
    settings = page_settings.model_copy(update={"log": tmp_path / "file" / "page.log"})
    state = AppState(settings, engine)
    assert f"{settings.log} of IMGCAP_LOG cannot be written" in state.error
    assert f"errors go to {state.settings.log} instead" in state.error
    state.guarded(lambda: 1 / 0)()
    assert f"The details are in {state.settings.log.name}." in state.error
    assert "ZeroDivisionError" in state.settings.log.read_text()
    assert capfd.readouterr() == ("", ""), "what a kernel prints stands on the page"


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("MAX_UPLOAD_MB", "abc", "MAX_UPLOAD_MB is “abc”, but must be a whole number above 0"),
        ("MAX_PIXELS", "-1", "MAX_PIXELS is “-1”, but must be a whole number above 0"),
        ("DTYPE", "int8", "DTYPE is “int8”, but must be auto, float32, bfloat16 or float16."),
        ("DEVICE", "tpu", "DEVICE is “tpu”, but must be auto, cpu, mps, cuda"),
        ("DATA", "/no/such/folder", "DATA is “/no/such/folder”, but must be a folder that exists"),
    ],
)
def test_a_setting_that_cannot_be_used_is_told_and_its_default_used(
    page_settings: Settings, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, told: str
) -> None:
    monkeypatch.setenv("IMGCAP_LOG", str(page_settings.log))
    monkeypatch.setenv("IMGCAP_FEEDBACK", page_settings.feedback)
    monkeypatch.setenv(f"IMGCAP_{variable}", value)
    state = AppState(engine=HeldEngine())
    assert state.error.startswith(f"IMGCAP_{told}")
    assert state.error.endswith(" The default is used instead.")
    name = variable.lower()
    assert getattr(state.settings, name) == getattr(page_settings, name)
    [shown] = bring(state, "a.png")
    assert state.picture == shown


@pytest.mark.parametrize("engine", ["telepathy", "http://me:secret@localhost:8000"])
def test_an_engine_that_there_is_not_is_told_and_the_models_here_answer(
    page_settings: Settings, engine: str
) -> None:
    state = AppState(page_settings.model_copy(update={"engine": engine}))
    assert "IMGCAP_ENGINE" in state.error
    assert "secret" not in state.error
    assert [event.checkpoint for event in state.models.values()] == [
        "imgcap-align-small",
        "imgcap-captioner-small",
    ]
    assert state.settings.engine == "local", "other models can be chosen"


def test_a_store_that_cannot_be_opened_is_told_at_once_and_at_every_use(
    page_settings: Settings, engine: HeldEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = page_settings.model_copy(update={"feedback": "pigeon://me:secret@loft"})
    state = AppState(settings, engine)
    wait_until(lambda: "no feedback store of the kind “pigeon”" in state.error)
    assert "secret" not in state.error
    for _ in range(2):
        with pytest.raises(FeedbackError, match=r"no feedback store of the kind “pigeon”"):
            state.store.append(FeedbackRecord(rating=3))
    works = open_store(page_settings)
    monkeypatch.setattr("imgcap.widgets.store.open_store", lambda _: works)
    state.store.append(FeedbackRecord(rating=3))
    assert [record.rating for record in works.read()] == [3], "it is tried again at the next use"
    state.close()


def test_without_label_sets_one_writes_labels_of_ones_own(
    page_settings: Settings, engine: HeldEngine, tmp_path: Path
) -> None:
    state = AppState(page_settings.model_copy(update={"data": tmp_path}), engine)
    assert "seed.txt could not be read" in state.error
    panel = QuestionPanel(state)
    panel.labels.value = "cat, dog"
    assert state.labels == ("cat", "dog")


def test_a_page_that_is_closed_frees_what_it_held(state: AppState, engine: HeldEngine) -> None:
    [shown] = bring(state, "a.png")
    seen: list[object] = []
    state.observe(lambda change: seen.append(change["name"]))
    state.close()
    state.top = 7
    assert seen == ["closed"]
    assert engine.closed
    assert not state.shelf._file(shown.id).exists()


@pytest.mark.usefixtures("state")
def test_a_log_is_opened_once(page_settings: Settings) -> None:
    before = list(logging.getLogger("imgcap").handlers)
    open_log(page_settings)
    assert logging.getLogger("imgcap").handlers == before
