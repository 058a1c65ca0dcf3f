"""The ways to classify and caption that are compared, and the clock that times them in turns."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import transformers
from PIL import Image

from imgcap.inference import CaptionOptions, ClassifyOptions, EngineError, open_engine
from imgcap.inference.checkpoints import display_name, local_folder
from imgcap.inference.events import Role
from imgcap.inference.folders import Location, check_folder
from imgcap.inference.hub import fetch
from imgcap.labels import prompts
from imgcap.settings import Settings

Way = Callable[[Sequence[Image.Image]], object]


@dataclass(frozen=True)
class Measurement:
    """Seconds a picture of one way, one value a round."""

    task: str
    way: str
    checkpoint: str
    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median of the rounds, in seconds a picture."""
        return statistics.median(self.seconds)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "task": self.task,
            "way": self.way,
            "checkpoint": self.checkpoint,
            "pictures_per_second": round(1 / self.median, 3),
            "ms_per_picture": [round(1000 * seconds, 2) for seconds in self.seconds],
        }


@dataclass(frozen=True)
class Ways:
    """Several ways to the same answers from one checkpoint, by name; the plain one first."""

    checkpoint: str
    by_name: Mapping[str, Way]


def measure(
    task: str, ways: Ways, pictures: Sequence[Image.Image], rounds: int
) -> list[Measurement]:
    """Time every way in every round, in turns, on pictures that no way has seen before."""
    seconds: dict[str, list[float]] = {name: [] for name in ways.by_name}
    for number in range(rounds + 1):
        fresh = [_shifted(picture, number) for picture in pictures]
        for name, way in ways.by_name.items():
            start = time.perf_counter()
            way(fresh)
            if number:  # the first round loads and warms up
                seconds[name].append((time.perf_counter() - start) / len(fresh))
    return [
        Measurement(task, name, ways.checkpoint, tuple(values)) for name, values in seconds.items()
    ]


def classify_ways(settings: Settings, labels: Sequence[str], batch: int) -> Ways:
    """Compare joint calls of model and processor with the engine, one by one and in batches."""
    location = _location(settings.classifier, "classifier", settings)
    auto = transformers.AutoModelForZeroShotImageClassification
    model, processor = _plain(auto, location)
    texts = [prompts(label)[0] for label in labels]
    padding = "max_length" if model.config.model_type.startswith("siglip") else True
    # Two engines, since one would remember in batches what it has seen one by one.
    engine, batching = open_engine(settings), open_engine(settings)

    def plain(pictures: Sequence[Image.Image]) -> None:
        for picture in pictures:
            inputs = processor(
                text=texts, images=picture, padding=padding, truncation=True, return_tensors="pt"
            )
            with torch.inference_mode():
                model(**inputs).logits_per_image.softmax(dim=-1)

    return Ways(
        display_name(settings.classifier, "classifier").rsplit("/", 1)[-1],
        {
            "plain transformers, float32": plain,
            "imgcap": lambda pictures: [engine.classify([one], labels) for one in pictures],
            f"imgcap, batches of {batch}": lambda pictures: batching.classify(
                pictures, labels, ClassifyOptions(batch_size=batch)
            ),
        },
    )


def caption_ways(settings: Settings, options: CaptionOptions, batch: int) -> Ways:
    """Compare plain `generate` with the engine, one by one and in batches."""
    location = _location(settings.captioner, "captioner", settings)
    model, processor = _plain(transformers.AutoModelForImageTextToText, location)
    engine = open_engine(settings)
    batches = CaptionOptions(options.num_beams, batch_size=batch)

    def plain(pictures: Sequence[Image.Image]) -> None:
        for picture in pictures:
            inputs = processor(images=picture, return_tensors="pt")
            tokens = model.generate(
                **inputs, num_beams=options.num_beams, max_new_tokens=options.max_new_tokens
            )
            processor.batch_decode(tokens, skip_special_tokens=True)

    return Ways(
        display_name(settings.captioner, "captioner").rsplit("/", 1)[-1],
        {
            "plain transformers, float32": plain,
            "imgcap": lambda pictures: [engine.caption([one], options) for one in pictures],
            f"imgcap, batches of {batch}": lambda pictures: engine.caption(pictures, batches),
        },
    )


def pictures_from(folder: Path, count: int) -> list[Image.Image]:
    """Decode `count` pictures of a folder, repeating them if there are fewer."""
    files = sorted(path for path in folder.glob("*") if path.suffix in {".jpg", ".jpeg", ".png"})
    if not files:
        raise EngineError(f"There are no pictures in {folder}.")
    return [Image.open(files[n % len(files)]).convert("RGB") for n in range(count)]


def _shifted(picture: Image.Image, number: int) -> Image.Image:
    """Cut some pixels off, so that the engine does not remember the picture."""
    return picture.crop((number, number, picture.width, picture.height))


def _location(name: str, role: Role, settings: Settings) -> Location:
    folder = local_folder(name, role, settings)
    return check_folder(folder, role) if folder else fetch(name, role, lambda _done, _total: None)


def _plain(auto: Any, location: Location) -> tuple[Any, Any]:
    from imgcap.inference import embedded  # noqa: F401  # registers the embedded architecture

    config = transformers.AutoConfig.from_pretrained(location.folder)
    model = auto.from_pretrained(location.weights, config=config, dtype=torch.float32)
    processor = transformers.AutoProcessor.from_pretrained(location.folder, backend="pil")
    return model.eval(), processor
