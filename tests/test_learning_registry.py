import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest

from imgcap.feedback import FeedbackError
from imgcap.inference.adapter import CARD, WEIGHTS, Adapter, AdapterCard, AdapterError, read_adapter
from imgcap.inference.adopted import ADOPTED, answering, read_adopted
from imgcap.inference.calibration import Calibration, stored_calibration
from imgcap.inference.label_weights import Weights
from imgcap.learning.confidence.calibrate import keep_calibration
from imgcap.learning.registry import (
    adopt,
    delete,
    keep_adapter,
    kept_adapters,
    new_id,
    rollback,
    trained_on,
)

NAME = "some where/../model"


def kept(
    folder: Path, *, passed: bool = True, revision: str = "a", records: tuple[UUID, ...] = ()
) -> Adapter:
    weights = Weights(
        ("blorp",),
        np.full((1, 4), 0.5, np.float32),
        np.eye(2, 4, dtype=np.float32),
        np.zeros(2, np.int64),
        3.0,
        5.0,
    )
    card = AdapterCard(
        id=new_id("probe"),
        kind="probe",
        checkpoint=NAME,
        revision=revision,
        labels=weights.labels,
        alpha=3.0,
        beta=5.0,
        records=records,
        passed=passed,
        sentence="Because.",
        figures={},
        time=datetime.now(UTC),
    )
    adapter = Adapter(card, weights)
    keep_adapter(folder, adapter)
    return adapter


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    made = kept(tmp_path / "new")
    again = read_adapter(tmp_path / "new", made.card.id)
    assert again.card == made.card
    for part in ("offsets", "keys", "values"):
        assert np.array_equal(getattr(again.weights, part), getattr(made.weights, part))
    assert [path.name for path in (tmp_path / "new").iterdir()] == [made.card.id]


def test_adopting_and_taking_back_go_through_every_step(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path)
    assert answering(tmp_path, NAME, revision="a") is None
    for each in (first, second, second):
        adopt(tmp_path, each.card.id)
        found = answering(tmp_path, NAME, revision="a")
        assert found
        assert found.card == each.card
    assert answering(tmp_path, NAME, revision="another revision") is None
    assert answering(tmp_path, "another", revision="a") is None
    assert rollback(tmp_path, NAME) == (second.card.id, first.card.id)
    assert rollback(tmp_path, NAME) == (first.card.id, "")
    assert answering(tmp_path, NAME, revision="a") is None
    with pytest.raises(AdapterError, match="answers without an adapter already"):
        rollback(tmp_path, NAME)


def test_what_did_not_pass_is_never_adopted(tmp_path: Path) -> None:
    made = kept(tmp_path, passed=False)
    with pytest.raises(AdapterError, match=r"may not be adopted\. Because\."):
        adopt(tmp_path, made.card.id)
    assert not (tmp_path / ADOPTED).exists()


def test_when_adopting_fails_what_was_adopted_before_answers_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = kept(tmp_path), kept(tmp_path)
    adopt(tmp_path, first.card.id)
    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "full")))
        with pytest.raises(FeedbackError, match="no room left on the disk"):
            adopt(tmp_path, second.card.id)
    found = answering(tmp_path, NAME, revision="a")
    assert found
    assert found.card == first.card
    assert not list(tmp_path.glob("*.part"))


def test_an_adapter_that_answers_is_not_deleted_and_others_are_gone_whole(tmp_path: Path) -> None:
    first, second = kept(tmp_path), kept(tmp_path)
    adopt(tmp_path, first.card.id)
    adopt(tmp_path, second.card.id)
    with pytest.raises(AdapterError, match="roll back first"):
        delete(tmp_path, second.card.id, tmp_path)
    delete(tmp_path, first.card.id, tmp_path)
    assert [card.id for card in kept_adapters(tmp_path)[0]] == [second.card.id]
    assert rollback(tmp_path, NAME) == (second.card.id, "")


def test_what_was_learned_of_an_adapter_s_scores_goes_with_it(tmp_path: Path) -> None:
    gone, other = kept(tmp_path / "adapters"), kept(tmp_path / "adapters")
    scores = tmp_path / "calibration"
    for revision in ("a", f"a+{gone.card.id}", f"a+{other.card.id}"):
        keep_calibration(scores, Calibration(checkpoint=NAME, revision=revision, temperature=2))
    (tmp_path / "adapters" / gone.card.id / CARD).write_bytes(b"damaged")
    delete(tmp_path / "adapters", gone.card.id, scores)
    assert len([*scores.iterdir()]) == 2
    assert stored_calibration(scores, NAME, f"a+{other.card.id}").temperature == 2
    assert stored_calibration(scores, NAME, "a").temperature == 2


@pytest.mark.parametrize("name", ["", ".", "..", "../outside", "probe", "/etc"])
def test_names_that_are_none_reach_no_file(tmp_path: Path, name: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / CARD).write_text("{}")
    (tmp_path / "in").mkdir()
    with pytest.raises(AdapterError):
        adopt(tmp_path / "in", name)
    with pytest.raises(AdapterError):
        delete(tmp_path / "in", name, tmp_path)
    assert (outside / CARD).exists()


@pytest.mark.parametrize("part", [CARD, WEIGHTS])
def test_a_damaged_adapter_changes_nothing_and_is_told_of(
    tmp_path: Path, part: str, caplog: pytest.LogCaptureFixture
) -> None:
    made = kept(tmp_path)
    adopt(tmp_path, made.card.id)
    (tmp_path / made.card.id / part).write_bytes(b"damaged")
    assert answering(tmp_path, NAME, revision="a") is None
    assert "The checkpoint answers without it." in caplog.text
    if part == CARD:
        cards, [problem] = kept_adapters(tmp_path)
        assert not cards
        assert "is damaged or of a newer version" in problem


def test_weights_that_do_not_fit_their_card_are_refused(tmp_path: Path) -> None:
    made, other = kept(tmp_path), kept(tmp_path)
    path = tmp_path / made.card.id / CARD
    path.write_text(path.read_text().replace('"blorp"', '"blorp", "zink"'))
    with pytest.raises(AdapterError, match="cannot be read"):
        adopt(tmp_path, made.card.id)
    shutil.rmtree(tmp_path / made.card.id)
    (tmp_path / other.card.id).rename(tmp_path / made.card.id)
    with pytest.raises(AdapterError, match="that of another one"):
        adopt(tmp_path, made.card.id)


def test_a_damaged_list_of_what_is_adopted_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / ADOPTED).write_text(json.dumps({"checkpoints": {NAME: ["../../x"]}}))
    assert answering(tmp_path, NAME, revision="a") is None
    with pytest.raises(AdapterError, match="cannot be read"):
        read_adopted(tmp_path)


def test_adapters_are_found_by_the_feedback_that_taught_them(tmp_path: Path) -> None:
    mine, yours = uuid4(), uuid4()
    made = kept(tmp_path, records=(mine, uuid4()))
    kept(tmp_path, records=(uuid4(),))
    assert [card.id for card in trained_on(tmp_path, [mine, yours])] == [made.card.id]
    assert trained_on(tmp_path, [yours]) == []
