"""What every store must say, and lose nothing, when its place cannot be reached or goes away."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from imgcap.feedback import open_store_at
from tests.feedback_places import (
    Place,
    record,
    refusal,
    some,
    uses,
)
from tests.feedback_servers import PASSWORD
from tests.ports import free_port


@pytest.mark.parametrize(
    "url",
    [
        "csv:/dev/null/feedback.csv",
        "sqlite:////dev/null/feedback.sqlite",
        f"postgresql://anna:{PASSWORD}@127.0.0.1:{{port}}/feedback",
        f"postgresql://anna:{PASSWORD}@name.invalid/feedback",
        f"mongodb://anna:{PASSWORD}@127.0.0.1:{{port}}/?serverSelectionTimeoutMS=100",
        f"mongodb://anna:{PASSWORD}@name.invalid/feedback?serverSelectionTimeoutMS=100",
    ],
)
def test_a_place_that_cannot_be_reached_is_one_sentence(url: str) -> None:
    store = open_store_at(url.format(port=free_port()))
    with ThreadPoolExecutor() as threads:
        list(threads.map(refusal, uses(store)))
    store.close()


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://anna:{PASSWORD}@[::1/feedback",
        f"postgresql://anna:{PASSWORD}@127.0.0.1:port/feedback",
        f"mongodb://anna:{PASSWORD}@127.0.0.1:port/feedback",
        f"mongodb://anna:{PASSWORD}@@127.0.0.1/feedback",
        f"mongodb://anna:{PASSWORD}@[::1/feedback",
        f"mongodb://anna:{PASSWORD}@127.0.0.1/a b",
    ],
)
def test_an_address_with_a_slip_is_one_sentence(url: str) -> None:
    refusal(lambda: open_store_at(url).read())
    refusal(lambda: open_store_at(url).append(record()))


def test_a_server_that_goes_away_loses_and_doubles_nothing(served: Place) -> None:
    assert served.server
    store = open_store_at(served.url)
    first, second, third = some(3)
    store.append(first)
    served.server.kill()
    try:
        for use in (lambda: store.append(second), store.page, store.summary):
            refusal(use)
    finally:
        served.server.start()
    assert store.read() == [first]
    served.server.kill()
    served.server.start()
    store.append(second)
    store.append(second)
    assert store.extend([first, second, third]) == 1
    assert store.read() == [third, second, first]
    assert store.summary().count == 3
    store.close()


def test_a_server_that_goes_away_ends_a_walk_with_a_sentence(served: Place) -> None:
    assert served.server
    store = open_store_at(served.url)
    store.extend(some(1_200))
    walk = store.iterate()
    next(walk)
    served.server.kill()
    try:
        refusal(lambda: list(walk))
    finally:
        served.server.start()
    assert len(store.read()) == 1_200
    store.close()
