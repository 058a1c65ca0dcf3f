import threading
from collections import Counter

import numpy as np
import pytest

from imgcap.charts import Embeddings
from imgcap.edits import Turn
from imgcap.inference import CancelledError, ModelError
from imgcap.widgets.analyst import Analyst
from imgcap.widgets.chart import ChartPanel
from imgcap.widgets.embeddings import KEPT
from imgcap.widgets.gallery.panel import GalleryPanel
from imgcap.widgets.shelf import Shown
from imgcap.widgets.state import AppState
from tests.fake_answers import embedded
from tests.fakes import HeldEngine
from tests.pages import bring, wait_until

NAMES = [f"{number}.png" for number in range(20)]


def never() -> bool:
    return False


def asked(engine: HeldEngine) -> list[str]:
    return [name for step, name, _ in engine.done if step == "embed"]


def fetch(state: AppState, *pictures: Shown) -> list[int]:
    return list(state.embeddings.fetch(state.engine, pictures, never))


def test_a_picture_is_embedded_once_and_says_how_far_it_is(
    state: AppState, engine: HeldEngine
) -> None:
    pictures = bring(state, *NAMES)
    assert state.embeddings.get(engine, pictures[0]) is None
    assert fetch(state, *pictures[:3]) == [3]
    assert fetch(state, *pictures) == [11, 19, 20]
    assert fetch(state, *pictures) == []
    assert asked(engine) == NAMES
    vectors = [state.embeddings.get(engine, shown) for shown in pictures]
    assert np.array_equal(vectors, embedded([shown.id for shown in pictures]))


def test_search_and_chart_embed_no_picture_twice(
    state: AppState, analyst: Analyst, engine: HeldEngine
) -> None:
    chart, gallery = ChartPanel(state, analyst), GalleryPanel(state, analyst)
    bring(state, *NAMES)
    gallery.fold.button.is_open = True
    wait_until(lambda: "20 of 20 done" in gallery.count.value)
    with engine.held():  # so that both want the same pictures at once
        gallery.phrase.value = "a dog"
        wait_until(lambda: any(step == "embed" for step, *_ in engine.begun))
        chart.kind.value = "space"
    wait_until(lambda: isinstance(chart._data, Embeddings))
    wait_until(lambda: "20 pictures, nearest" in gallery.found.value)
    assert Counter(asked(engine)) == dict.fromkeys(NAMES, 1)
    with engine.held():
        bring(state, "new.png")
        gallery.phrase.value = "a cat"
        wait_until(lambda: any(call[:2] == ("embed", "new.png") for call in engine.begun))
        gallery.phrase.value = "another phrase, in the middle of it"
    wait_until(lambda: "21 pictures, nearest to “another" in gallery.found.value)
    assert asked(engine).count("new.png") == 1
    state.closed = True


def test_who_waits_for_another_can_leave(state: AppState, engine: HeldEngine) -> None:
    [shown] = bring(state, "a.png")
    leaving = threading.Event()
    with engine.held():
        first = threading.Thread(target=fetch, args=(state, shown))
        first.start()
        wait_until(lambda: engine.begun)
        leaving.set()
        with pytest.raises(CancelledError):
            list(state.embeddings.fetch(engine, [shown], leaving.is_set))
    first.join()
    assert asked(engine) == ["a.png"]


def test_edits_and_models_have_embeddings_of_their_own_a_bounded_number(
    state: AppState, engine: HeldEngine
) -> None:
    [shown] = bring(state, "a.png")
    versions = [state.shelf.look(shown.id, (Turn(1),) * turn) for turn in range(3)]
    for version in (*versions, *versions):
        fetch(state, version)
    assert len(asked(engine)) == 3
    others = [HeldEngine(f"classifier {number}") for number in range(KEPT)]
    for other in others:
        list(state.embeddings.fetch(other, [shown], never))
    assert all(state.embeddings.get(other, shown) is not None for other in others)
    assert state.embeddings.get(engine, shown) is None


def test_nothing_is_kept_of_a_removed_picture(state: AppState, engine: HeldEngine) -> None:
    one, two, three = bring(state, "1.png", "2.png", "3.png")
    fetch(state, one)
    state.remove(one.id)
    state.remove(two.id)
    assert fetch(state, one, two, three) == [3]
    assert asked(engine) == ["1.png", "3.png"]
    with engine.held():
        [four] = bring(state, "4.png")
        working = threading.Thread(target=fetch, args=(state, four))
        working.start()
        wait_until(lambda: ("embed", "4.png", None) in engine.begun)
        state.remove(four.id)
    working.join()
    known = [state.embeddings.get(engine, shown) is not None for shown in (one, two, three, four)]
    assert known == [False, False, True, False]


def test_a_failure_reaches_who_asked_and_keeps_nobody_waiting(
    state: AppState, engine: HeldEngine
) -> None:
    [shown] = bring(state, "a.png")
    engine.problems["embed"] = ModelError("The model had a bad day.")
    with pytest.raises(ModelError):
        fetch(state, shown)
    engine.problems.clear()
    assert fetch(state, shown) == [1]
