"""The checkpoints without any adapter: what feedback teaches next starts from them."""

from collections.abc import Callable

from imgcap.inference import Engine, ModelEvent, open_engine
from imgcap.settings import Settings


def open_alone(settings: Settings, listener: Callable[[ModelEvent], None] | None = None) -> Engine:
    """Open an engine whose checkpoints answer by themselves, whatever was adopted.

    An inference service answers as it is; what it has adopted is its own affair.

    Raises
    ------
    EngineError
        If the settings name no engine that there is.
    """
    from imgcap.inference.local import LocalEngine  # noqa: PLC0415  # as `open_engine` does

    engine = open_engine(settings, listener)
    if isinstance(engine, LocalEngine):
        engine.trying.update({"classifier": "", "captioner": ""})
    return engine
