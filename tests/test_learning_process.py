import json
import subprocess
import sys
from contextlib import suppress

import psutil
import pytest

from imgcap.inference import CancelledError, EngineError
from imgcap.inference.adapter import read_adapter
from imgcap.learning.background import ENDED, Learning, Order
from imgcap.learning.registry import kept_adapters
from imgcap.settings import Settings
from tests.learning_feedback import INVENTED, give_feedback

STAGES = ["models", "pictures", "measuring"]


def children() -> list[psutil.Process]:
    """Processes that learn; other tests have servers of theirs beside them."""
    found = []
    for each in psutil.Process().children(recursive=True):
        with suppress(psutil.Error):  # it has just ended
            if "imgcap.learning.process" in each.cmdline():
                found.append(each)
    return found


def left(settings: Settings) -> list[str]:
    """Names of adapters and halves of them; embeddings of kept pictures are neither."""
    return [path.name for path in settings.adapters.glob("*") if path.is_dir()]


def test_an_adapter_is_made_elsewhere_and_its_progress_told(page_settings: Settings) -> None:
    records = give_feedback(page_settings)
    told: list[tuple[str, int, int]] = []
    learned = Learning(page_settings, "probe").wait(lambda *event: told.append(event))
    assert learned.passed, learned.verdict
    assert "points more often on 20 judged pictures" in learned.verdict
    [card] = kept_adapters(page_settings.adapters)[0]
    assert card.id == learned.adapter
    assert set(card.records) == {record.id for record in records}
    assert read_adapter(page_settings.adapters, card.id).card.labels == (INVENTED,)
    assert list(dict.fromkeys(stage for stage, *_ in told)) == STAGES
    pictures = [event[1:] for event in told if event[0] == "pictures"]
    assert pictures == [(8, 20), (16, 20), (20, 20)]
    assert children() == []


def test_cancelling_ends_the_process_and_leaves_nothing(page_settings: Settings) -> None:
    give_feedback(page_settings)
    learning = Learning(page_settings, "probe")

    def progress(stage: str, *_: int) -> None:
        if stage == "pictures":
            learning.cancel()

    with pytest.raises(CancelledError):
        learning.wait(progress)
    assert left(page_settings) == []
    assert children() == []


def test_a_process_that_is_killed_is_one_sentence(page_settings: Settings) -> None:
    give_feedback(page_settings)

    def kill(*_: object) -> None:
        for child in children():
            child.kill()

    with pytest.raises(EngineError, match=ENDED):
        Learning(page_settings, "probe").wait(kill)
    assert left(page_settings) == []


def test_what_cannot_be_learned_from_says_why(page_settings: Settings) -> None:
    settings = page_settings.model_copy(update={"feedback": "pigeon://loft"})
    with pytest.raises(EngineError, match="no feedback store of the kind “pigeon”"):
        Learning(settings, "probe").wait(lambda *_: None)
    assert children() == []


def test_it_ends_with_the_page_that_asked_for_it(page_settings: Settings) -> None:
    told = page_settings.model_dump(mode="json", exclude={"engine_token"})
    words = [sys.executable, "-m", "imgcap.learning.process"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as run:
        assert run.stdin
        assert run.stdout
        run.stdin.write(Order(settings=told).model_dump_json() + "\n")
        run.stdin.flush()
        assert json.loads(run.stdout.readline())["stage"] == "models"
        run.stdin.close()
        assert run.wait(60) != 0
    assert left(page_settings) == []
