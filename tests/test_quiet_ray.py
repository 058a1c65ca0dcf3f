"""Ray does not come up on a busy machine: once more, and then one sentence."""

from collections.abc import Callable

import pytest

from imgcap.quiet_ray import RayStartError, connect

LATE = "The current node timed out\nduring startup."


@pytest.fixture
def failing(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[object]]:
    """Return a function that lets so many starts of Ray fail, and returns the list of all."""
    import ray

    def fail(times: int) -> list[object]:
        tries: list[object] = []

        def start(address: str, **_: object) -> None:
            tries.append(address)
            if len(tries) <= times:
                raise Exception(LATE)  # noqa: TRY002  # as Ray does

        monkeypatch.setattr(ray, "init", start)
        return tries

    return fail


def test_a_ray_that_did_not_come_up_is_started_once_more(
    failing: Callable[[int], list[object]], capfd: pytest.CaptureFixture[str]
) -> None:
    tries = failing(1)
    connect(None, 2)
    assert tries == ["local", "local"]
    assert capfd.readouterr() == ("", "")


def test_the_second_failure_is_said(failing: Callable[[int], list[object]]) -> None:
    tries = failing(2)
    with pytest.raises(RayStartError) as told:
        connect(None, 2)
    assert tries == ["local", "local"]
    assert str(told.value) == (
        "Ray did not start, nor at the second try; the machine may be too busy: "
        "The current node timed out during startup."
    )


def test_a_cluster_that_is_not_there_is_not_waited_for(
    failing: Callable[[int], list[object]],
) -> None:
    tries = failing(1)
    with pytest.raises(Exception, match="timed out"):
        connect("127.0.0.1:1", 2)
    assert tries == ["127.0.0.1:1"]
