import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from imgcap.feedback import FeedbackError
from imgcap.inference.errors import EngineError
from imgcap.learning.low_rank import Manner, check_extra, taught
from tests.disks import full_disk

MANNER = Manner(rank=2, alpha=2, rate=0.1, decay=0.0, patience=2)
GIVEN = torch.tensor([[1.0, -2.0, 3.0]])


def learn(checked: list[float], epochs: int) -> tuple[int, list[Tensor], Tensor]:
    """Teach a layer; return its best round, what it gives after each, and what it gives then."""
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(3, 2))
    said = iter(checked)
    seen: list[Tensor] = []

    def once() -> Iterator[Tensor]:
        yield model(GIVEN).square().sum()
        seen.append(model(GIVEN).detach())

    with torch.no_grad():
        before = model(GIVEN)
    with taught(
        model,
        ["0"],
        MANNER,
        learn=once,
        loss=lambda _: torch.tensor(next(said)),
        checked=np.arange(1 if checked else 0),
        epochs=epochs,
    ) as found:
        last = model(GIVEN).detach()
    assert torch.equal(model(GIVEN), before), "it is left as it was"
    return found.epochs, [before, *seen], last


def test_it_stops_when_what_is_checked_becomes_worse_and_takes_the_best_round() -> None:
    best, seen, last = learn([5.0, 4.0, 4.5, 4.1, 1.0], epochs=9)
    assert best == 1
    assert len(seen) == 1 + 3, "the start, and rounds until its patience ended"
    assert torch.equal(last, seen[1])
    assert not torch.equal(seen[3], seen[1])


def test_where_nothing_became_better_it_stays_as_it_was() -> None:
    best, seen, last = learn([1.0, 2.0, 2.0], epochs=9)
    assert best == 0
    assert torch.equal(last, seen[0])


def test_with_nothing_to_check_by_it_learns_all_rounds() -> None:
    best, seen, last = learn([], epochs=4)
    assert best == 4
    assert torch.equal(last, seen[4])
    assert last.square().sum() < seen[0].square().sum()


def test_without_peft_it_says_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "peft", None)
    with pytest.raises(EngineError, match=r"^Learning captions needs the extra learn: pip install"):
        check_extra("Learning captions")


@pytest.mark.parametrize("room", [0, 6_000])
def test_a_full_disk_is_one_sentence(room: int, tmp_path: Path) -> None:
    model = nn.Sequential(nn.Linear(1000, 10))
    with (
        taught(
            model,
            ["0"],
            MANNER,
            learn=lambda: iter(()),
            loss=lambda _: torch.tensor(0.0),
            checked=np.arange(0),
            epochs=1,
        ) as found,
        full_disk(room),
        pytest.raises(FeedbackError, match=r"could not be written to .*; the disk may be full"),
    ):
        found.save(tmp_path / "made")
