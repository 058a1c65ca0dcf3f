"""Importing transformers without what nothing here uses, which is most of what it imports.

Of 2.2 s that its model classes took after torch's own import (one core of a 2-core machine), 1.5 s
went to training over several machines, a compiler, object detection's losses and a server's batch
scheduler. transformers can do without the first and third, and asks once whether they are there.
The others it imports for a few names, for which stand-ins do: a class nobody makes an instance of,
a decorator that only means something to a compiler.

All of this is an attempt: with versions that have other names, or if anything fails, the import is
repeated in the plain way.
"""

import gc
import importlib
import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

logger = logging.getLogger(__name__)

_BATCHING = "transformers.generation.continuous_batching"
_COMPILER = "torch._dynamo"
_MODELLING = "transformers.modeling_utils"

_one_at_a_time = threading.Lock()


def prepare() -> None:
    """Import torch and transformers, unless somebody has already; the first call takes a second.

    In this process transformers then believes that there are no `torch.distributed` and no scipy,
    and its continuous batching cannot be used.
    """
    with _one_at_a_time:
        if _MODELLING in sys.modules:
            return
        if "torch" not in sys.modules:
            # Threads of GNU's OpenMP that wait by spinning take the cores from those that work as
            # soon as two programs compute, and threads that sleep at once wake up late. Pictures a
            # second with 1, 2, 4 kernels on two cores, CLIP and BLIP by torch alone: 1.60, 1.06,
            # 1.10 with 10000; 1.24, 1.85, 1.59 with 1000; 1.09, 2.03, 1.73 with 0.
            os.environ.setdefault("GOMP_SPINCOUNT", "1000")
        before = set(sys.modules)
        try:
            with _without_collecting():
                _import_lean()
        except Exception:
            logger.info("transformers is imported as a whole", exc_info=True)
            for name in set(sys.modules) - before:
                if name.partition(".")[0] == "transformers":
                    del sys.modules[name]
            importlib.import_module(_MODELLING)


def _import_lean() -> None:
    torch = importlib.import_module("torch")
    importlib.import_module("transformers")
    tools = importlib.import_module("transformers.utils.import_utils")
    # Asked once, the answers are kept.
    with _replaced(torch.distributed, "is_available", lambda: False):
        tools.is_torch_distributed_available()
    with _replaced(tools, "_is_package_available", lambda *_, **__: (False, "")):
        for ask in (tools.is_scipy_available, tools.is_sklearn_available):
            ask.cache_clear()
            ask()
    with ExitStack() as stack:
        stack.enter_context(_without_second_scan(tools))
        for name, names in _stand_ins().items():
            stack.enter_context(_stand_in(name, names))
        importlib.import_module("transformers.generation.utils")
        importlib.import_module(_MODELLING)
        importlib.import_module("transformers.models.auto.modeling_auto")


def _stand_ins() -> dict[str, dict[str, Any]]:
    """Return the modules that are left out, and what of each is asked for."""

    def context() -> Any:
        module = importlib.import_module(f"{_COMPILER}._trace_wrapped_higher_order_op")
        return module.TransformGetItemToIndex()

    decorators = dict.fromkeys(
        ("allow_in_graph", "assume_constant_result", "disable"), _leave_as_it_is
    )
    cache = type("PagedAttentionCache", (), {})
    left_out: dict[str, dict[str, Any]] = {
        _BATCHING: {"ContinuousMixin": type("ContinuousMixin", (), {}), cache.__name__: cache},
        f"{_BATCHING}.cache": {cache.__name__: cache},
    }
    if _COMPILER not in sys.modules:
        left_out[_COMPILER] = decorators
        left_out[f"{_COMPILER}._trace_wrapped_higher_order_op"] = {
            "TransformGetItemToIndex": context
        }
    return left_out


def _leave_as_it_is(function: Any = None, *_: object, **__: object) -> Any:
    return _leave_as_it_is if function is None else function


@contextmanager
def _without_collecting() -> Iterator[None]:
    """Keep Python from searching for garbage in what imports make, until a model has answered.

    Hardly any of it is, and looking through it took 0.2 s of 1.9 s to a first answer. Not for ever,
    since all else that there is meanwhile is set aside with it.
    """
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        if collecting:
            gc.enable()


@contextmanager
def _replaced(owner: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(owner, name)
    setattr(owner, name, value)
    try:
        yield
    finally:
        setattr(owner, name, before)


@contextmanager
def _stand_in(name: str, names: dict[str, Any]) -> Iterator[None]:
    """Put a module where imports look for one, and take it away again."""
    module = ModuleType(name)
    module.__path__ = []
    vars(module).update(names)
    sys.modules[name] = module
    parent, _, child = name.rpartition(".")
    try:
        yield
    finally:
        del sys.modules[name]
        if vars(sys.modules.get(parent, module)).get(child) is module:
            delattr(sys.modules[parent], child)


@contextmanager
def _without_second_scan(tools: Any) -> Iterator[None]:
    """Let the package of models know what transformers itself has just read from all its files."""
    scan = tools.create_import_structure_from_path

    def remembered(path: str | Path) -> Any:
        path = Path(path)
        return scan(path.parent if path.name == "__init__.py" else path)

    with _replaced(tools, "create_import_structure_from_path", remembered):
        yield
