"""Learning in a process of its own: `python -m imgcap.learning.process`.

It reads an `Order` as one line of JSON and answers with lines of JSON: ``{"stage", "done",
"total"}`` as it goes on, and at the end ``{"adapter", "passed", "verdict"}`` or ``{"error"}``. It
ends when its stdin does, so that it never outlives the page that asked for it; what is not finished
then, or when it is terminated, leaves nothing behind.
"""

import _thread
import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, NoReturn

from imgcap.feedback import FeedbackError, Store, open_store
from imgcap.inference.adapter import Adapter
from imgcap.inference.errors import EngineError
from imgcap.inference.events import Progress
from imgcap.learning.alone import open_alone
from imgcap.learning.background import Order
from imgcap.learning.labels.gate import Verdict
from imgcap.learning.labels.gather import gather
from imgcap.learning.labels.learn import learn_adapter
from imgcap.learning.registry import keep_adapter
from imgcap.settings import Settings

UNEXPECTED: Final = "Something unexpected went wrong while learning; nothing was kept."
_NICE: Final = 10
_TERMINATED: Final = 128 + signal.SIGTERM

Tell = Callable[[dict[str, object]], None]


def main() -> None:
    """Do what the order on stdin says."""
    signal.signal(signal.SIGTERM, _stop)
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer

    def tell(event: dict[str, object]) -> None:
        print(json.dumps(event), file=answers, flush=True)

    with os.fdopen(os.dup(0), "rb", buffering=0) as orders:
        order = Order.model_validate_json(orders.readline())
    threading.Thread(target=_stop_with_stdin, daemon=True).start()
    if hasattr(os, "nice"):
        os.nice(_NICE)  # whoever waits for an answer goes first
    with suppress(BrokenPipeError):  # nobody hears it any more
        tell(_answer(order, tell))


def _answer(order: Order, tell: Tell) -> dict[str, object]:
    try:
        return _learn(order, tell)
    except (FeedbackError, EngineError) as error:
        return {"error": str(error)}
    except BrokenPipeError:
        raise
    except Exception:  # noqa: BLE001  # the page logs it and tells of it
        return {"error": UNEXPECTED, "details": traceback.format_exc()}


def _learn(order: Order, tell: Tell) -> dict[str, object]:
    settings = Settings(**order.settings)
    tell({"stage": "models", "done": 0, "total": 0})
    with closing(open_store(settings)) as store, TemporaryDirectory() as folder:
        make = _captions if order.method == "captions" else _labels
        made = make(order, store, settings, Path(folder), tell)
        if not isinstance(made, Adapter):
            return {"error": made.sentence}
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # what is kept is told of
        keep_adapter(settings.adapters, made)
    card = made.card
    return {"adapter": card.id, "passed": card.passed, "verdict": card.sentence}


def _labels(
    order: Order, store: Store, settings: Settings, folder: Path, tell: Tell
) -> Adapter | Verdict:
    with closing(open_alone(settings)) as engine:
        seen = _progress("pictures", tell)
        gathered = gather(store.iterate(), engine, settings, progress=seen)
    tell({"stage": "measuring", "done": 0, "total": 0})
    match order.method:
        case "probe" | "cache" as kind:
            return learn_adapter(kind, gathered)
    # All of transformers, which the other ways do without.
    from imgcap.learning.tower.learn import learn_tower  # noqa: PLC0415

    return learn_tower(gathered, store, settings, folder, progress=_progress("measuring", tell))


def _captions(
    _: Order, store: Store, settings: Settings, folder: Path, tell: Tell
) -> Adapter | Verdict:
    from imgcap.learning.captions.gather import gather_captions  # noqa: PLC0415  # as above
    from imgcap.learning.captions.learn import learn_captions  # noqa: PLC0415
    from imgcap.learning.captions.writer import open_writer  # noqa: PLC0415

    writer = open_writer(settings)
    seen = _progress("pictures", tell)
    gathered = gather_captions(store.iterate(), writer, settings, progress=seen)
    return learn_captions(gathered, folder, progress=_progress("measuring", tell))


def _progress(stage: str, tell: Tell) -> Progress:
    return lambda done, total: tell({"stage": stage, "done": done, "total": total})


def _stop(_signal: int, _frame: object) -> NoReturn:
    sys.exit(_TERMINATED)  # by way of all that cleans up


def _stop_with_stdin() -> None:
    while os.read(0, 1):
        pass
    _thread.interrupt_main(signal.SIGTERM)


if __name__ == "__main__":
    main()
