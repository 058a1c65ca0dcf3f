"""One picture's answers, stage by stage, clocked by hooks on the models' parts."""

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from torch import nn

from benchmarks import work
from benchmarks.answer import LABELS, OPTIONS, TOKENS
from benchmarks.pictures import SIZE, jpeg
from benchmarks.work import Work
from imgcap.images import open_picture
from imgcap.inference import ClassifyOptions
from imgcap.inference.captioner import Captioner
from imgcap.inference.classifier import Classifier
from imgcap.inference.loading import Loader
from imgcap.labels import first_labels, prompts, read_labels
from imgcap.settings import Settings

TEXTS: Final = f"CLIP text, {LABELS} new labels"
SIGHT: Final = "CLIP vision"
GRID: Final = "BLIP vision"
FIRST_STEP: Final = "caption, first step"
STEP: Final = "caption, a later step"
STEPS: Final = f"caption, all {TOKENS} steps"

Speeds = dict[str, float]
"""Operations a second of the best product and by stage, bytes a second of memory."""


class Stages:
    """One picture after the other, each stage of its answers clocked."""

    def __init__(self, settings: Settings) -> None:
        loaders = {role: Loader(role, settings, _ignore) for role in ("classifier", "captioner")}
        self._reader = loaders["classifier"].get()
        self._writer = loaders["captioner"].get()
        self._classifier = Classifier(loaders["classifier"], settings.calibration)
        self._captioner = Captioner(loaders["captioner"])
        self._labels = list(read_labels(first_labels(settings)))[:LABELS]

    def clocked(self, number: int) -> dict[str, float]:
        """Return the seconds of each stage of a picture."""
        file = jpeg(number)
        begun = time.perf_counter()
        image = open_picture(file, "one.jpg").image
        found = {"decode": time.perf_counter() - begun}
        model = self._reader.model
        with _clock({SIGHT: model.vision_model}) as calls:
            begun = time.perf_counter()
            self._classifier.classify([image], self._labels, ClassifyOptions())
            total = time.perf_counter() - begun
        [(seen, sight)] = calls[SIGHT]
        found |= {"pixels for CLIP": seen - begun, SIGHT: sight}
        found["labels, the rest"] = total - (seen - begun) - sight
        with _clock({TEXTS: model.text_model}) as calls:
            new = [f"{label} {number}" for label in self._labels]
            self._classifier.classify([image], new, ClassifyOptions())
        [(_, found[TEXTS])] = calls[TEXTS]
        model = self._writer.model
        with _clock({GRID: model.vision_model, STEP: model.text_decoder}) as calls:
            begun = time.perf_counter()
            self._captioner.caption([image], OPTIONS)
            total = time.perf_counter() - begun
        [(seen, grid)], steps = calls[GRID], [seconds for _, seconds in calls[STEP]]
        found |= {"pixels for BLIP": seen - begun, GRID: grid}
        found |= {FIRST_STEP: steps[0], STEP: statistics.median(steps[1:]), STEPS: sum(steps)}
        found["caption, the rest"] = total - (seen - begun) - grid - sum(steps)
        return found

    def work(self) -> dict[str, Work]:
        """Return what the stages with products have to do."""
        reader, writer = self._reader.model, self._writer.model
        texts = [prompts(f"{label} 0")[0] for label in self._labels]
        ids = self._reader.processor(text=texts, padding="longest", return_tensors="pt")
        count, length = ids["input_ids"].shape
        seen = [work.patches(each.vision_model.config) for each in (reader, writer)]
        first, later = work.caption_steps(writer.text_decoder, seen[1])
        every = Work(
            first.flop + (TOKENS - 1) * later.flop,
            later.shape,
            first.read + (TOKENS - 1) * later.read,
        )
        return {
            TEXTS: work.tower(reader.text_model, reader.config.text_config, count * length, length),
            SIGHT: work.tower(reader.vision_model, reader.config.vision_config, seen[0], seen[0]),
            GRID: work.tower(writer.vision_model, writer.config.vision_config, seen[1], seen[1]),
            FIRST_STEP: first,
            STEP: later,
            STEPS: every,
        }

    def speeds(self, works: Mapping[str, Work]) -> Speeds:
        """Return what the machine can do now."""
        dtype = self._writer.dtype
        products = {name: work.product(dtype, each.shape) for name, each in works.items()}
        return {"peak": work.peak(dtype), "memory": work.memory(), **products}

    def about(self) -> str:
        """Return what was measured, in a sentence."""
        dtype = str(self._writer.dtype).removeprefix("torch.")
        return (
            f"CLIP and BLIP at full size in {dtype} on torch, one JPEG of {SIZE[0]}x{SIZE[1]}, "
            f"{LABELS} labels, a caption of {TOKENS} tokens"
        )


@contextmanager
def _clock(parts: Mapping[str, nn.Module]) -> Iterator[dict[str, list[tuple[float, float]]]]:
    """Yield when each call of these parts began and its seconds, as they come."""
    calls: dict[str, list[tuple[float, float]]] = {name: [] for name in parts}
    begun: dict[str, float] = {}

    def begin(name: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            begun[name] = time.perf_counter()

        return hook

    def end(name: str) -> Callable[..., None]:
        def hook(*_: Any) -> None:
            calls[name].append((begun[name], time.perf_counter() - begun[name]))

        return hook

    hooks = [part.register_forward_pre_hook(begin(name)) for name, part in parts.items()]
    hooks += [part.register_forward_hook(end(name)) for name, part in parts.items()]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def _ignore(_: object) -> None:
    pass
