"""Pictures per second of imgcap against plain transformers calls on the same checkpoints.

The ways take turns within every round, so that whatever else the machine does meets all of them
alike; the table shows medians over the rounds.
"""

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from benchmarks.machine import machine
from benchmarks.report import Report, Table, decimal, parser, publish
from benchmarks.seed_size import seed_size
from imgcap.inference import CaptionOptions, ClassifyOptions, EngineError, open_engine
from imgcap.inference.checkpoints import display_name
from imgcap.inference.lean import prepare
from imgcap.labels import LabelError, first_labels, prompts, read_labels
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
    import torch

    from benchmarks.plain import load

    model, processor = load("classifier", settings)
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
    from benchmarks.plain import load

    model, processor = load("captioner", settings)
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


def main() -> int:
    """Measure, print the table, write a JSON file if asked, and return the exit status."""
    arguments = _parser().parse_args()
    machine()
    prepare()  # before torch is imported, as an engine does
    try:
        if not arguments.seed_size:
            publish(_report(arguments, arguments.classifier, arguments.captioner), arguments.json)
            return 0
        with seed_size() as (clip, blip):
            publish(_report(arguments, str(clip), str(blip)), arguments.json)
    except (EngineError, LabelError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    options = parser("benchmarks.speed", __doc__)
    options.add_argument("--classifier", default="embedded", help="checkpoint (default: embedded)")
    options.add_argument("--captioner", default="embedded", help="checkpoint (default: embedded)")
    options.add_argument(
        "--seed-size",
        action="store_true",
        help="build full-size CLIP and BLIP with random weights and measure those",
    )
    options.add_argument("--pictures", type=Path, default=defaults.data / "samples")
    options.add_argument("--labels", type=Path, default=first_labels(defaults))
    options.add_argument("--count", type=int, default=8, help="pictures a round (default: 8)")
    options.add_argument("--batch", type=int, default=8, help="pictures a batch (default: 8)")
    options.add_argument("--beams", type=int, default=CaptionOptions().num_beams)
    options.add_argument("--dtype", default="auto", help="of imgcap's weights (default: auto)")
    options.add_argument("--no-classify", action="store_true")
    options.add_argument("--no-caption", action="store_true")
    return options


def _report(arguments: argparse.Namespace, classifier: str, captioner: str) -> Report:
    settings = Settings(classifier=classifier, captioner=captioner, dtype=arguments.dtype)
    labels = read_labels(arguments.labels)
    options = CaptionOptions(num_beams=arguments.beams)
    pictures = pictures_from(arguments.pictures, arguments.count)
    found: list[Measurement] = []
    if not arguments.no_classify:
        ways = classify_ways(settings, labels, arguments.batch)
        found += measure("classify", ways, pictures, arguments.rounds)
    if not arguments.no_caption:
        ways = caption_ways(settings, options, arguments.batch)
        found += measure("caption", ways, pictures, arguments.rounds)
    plain = {row.task: row.median for row in reversed(found)}  # the first of a task
    rows = [
        (
            *(row.task, row.way, row.checkpoint),
            f"{1 / row.median:.1f}",
            decimal(1000 * row.median),
            f"{plain[row.task] / row.median:.2f}x",
        )
        for row in found
    ]
    columns = ("task", "way", "checkpoint", "pictures/s", "ms a picture", "against plain")
    about = (
        f"{len(labels)} labels, {arguments.beams} beams, weights {arguments.dtype}: medians of "
        f"{arguments.rounds} rounds of {arguments.count} pictures, the ways taking turns."
    )
    return Report(
        "Each task by itself, against plain transformers calls",
        [about],
        [Table("", columns, rows)],
        {"rows": [row.as_dict() for row in found]},
    )


if __name__ == "__main__":
    sys.exit(main())
