"""Milliseconds from a JPEG file to both answers: the app's first version against the engine.

The first version's way: float32 models, `processor(images)` and `generate` for the caption, then
`processor(text, images)` and a joint call for the labels. Both take turns on full-size CLIP and
BLIP with random weights, which take as long as trained ones; every picture is new to both. That
waiting threads sleep, as the engine sees to, helps the first version here as well.
"""

import argparse
import io
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.machine import machine
from imgcap.images import open_picture
from imgcap.inference import CaptionOptions, ClassifyOptions, Description, open_engine
from imgcap.inference.lean import prepare
from imgcap.labels import prompts, read_labels
from imgcap.settings import Settings

SIZE = 1600, 1200
LABELS = 9
TOKENS = 20
BATCH = 8

Answers = tuple[dict[str, float], str]


def first_version(clip: Path, blip: Path, labels: Sequence[str]) -> Callable[[bytes], Answers]:
    """Return what the app's first version did with a picture."""
    import torch
    import transformers
    from PIL import Image

    classifier: Any = transformers.CLIPModel.from_pretrained(clip, dtype=torch.float32).eval()
    captioner: Any = transformers.BlipForConditionalGeneration.from_pretrained(
        blip, dtype=torch.float32
    ).eval()
    reader = transformers.AutoProcessor.from_pretrained(clip, backend="pil")
    writer = transformers.AutoProcessor.from_pretrained(blip, backend="pil")
    texts = [prompts(label)[0] for label in labels]

    def answer(file: bytes) -> Answers:
        image = Image.open(io.BytesIO(file)).convert("RGB")
        inputs = writer(images=image, return_tensors="pt")
        tokens = captioner.generate(**inputs, min_new_tokens=TOKENS, max_new_tokens=TOKENS)
        [caption] = writer.batch_decode(tokens, skip_special_tokens=True)
        inputs = reader(text=texts, images=image, padding=True, return_tensors="pt")
        with torch.inference_mode():
            [scores] = classifier(**inputs).logits_per_image.softmax(-1).tolist()
        return dict(zip(labels, scores, strict=True)), caption

    return answer


def main() -> int:
    """Measure, print a table, write a JSON file if asked, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.answer", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    prepare()
    from tests.seed_models import build_blip, build_clip

    with tempfile.TemporaryDirectory() as folder:
        clip = build_clip(Path(folder) / "clip", tiny=False)
        blip = build_blip(Path(folder) / "blip", tiny=False)
        rows, furthest, equal = _measure(clip, blip, arguments.rounds)
    table = Table("way", "ms a picture", "CPU ms", "times as fast", "by CPU", title=str(machine()))
    plain = [statistics.median(column) for column in zip(*rows["first version"], strict=True)]
    for way, figures in rows.items():
        wall, cpu = (statistics.median(column) for column in zip(*figures, strict=True))
        ratios = f"{plain[0] / wall:.2f}", f"{plain[1] / cpu:.2f}"
        table.add_row(way, f"{1000 * wall:.0f}", f"{1000 * cpu:.0f}", *ratios)
    Console(width=110).print(table)
    print(f"Probabilities differ by at most {furthest:.4f}; equal captions: {equal:.0%}.")
    if arguments.json:
        figures = {"machine": machine(), "seconds": rows, "furthest": furthest, "equal": equal}
        arguments.json.write_text(json.dumps(figures, indent=2) + "\n")
    return 0


def _measure(
    clip: Path, blip: Path, rounds: int
) -> tuple[dict[str, list[tuple[float, float]]], float, float]:
    """Return wall and CPU seconds a picture by way, and how far the answers agree."""
    settings = Settings(classifier=str(clip), captioner=str(blip))
    labels = read_labels(settings.data / "labels" / "seed.txt")[:LABELS]
    plain = first_version(clip, blip, labels)
    engine = open_engine(settings)
    options = CaptionOptions(
        num_beams=1, min_new_tokens=TOKENS, max_new_tokens=TOKENS, batch_size=BATCH
    )

    def ours(file: bytes) -> Description:
        return engine.describe(open_picture(file, "picture.jpg"), labels, options)

    def batch(files: Sequence[bytes]) -> None:
        pictures = [open_picture(file, "picture.jpg") for file in files]
        engine.classify(pictures, labels, ClassifyOptions(batch_size=BATCH))
        engine.caption(pictures, options)

    rows: dict[str, list[tuple[float, float]]] = {}
    differences, equal = [], []
    for number in range(rounds + 1):
        file = _jpeg(settings, number)
        files = [_jpeg(settings, 1000 + BATCH * number + each) for each in range(BATCH)]
        (scores, caption), seed = _timed(plain, file)
        described, one = _timed(ours, file)
        _, many = _timed(batch, files)
        differences += [abs(scores[each.label] - each.score) for each in described.predictions]
        equal.append(caption == described.caption)
        if number:  # the first round loads and warms up
            shared = many[0] / BATCH, many[1] / BATCH
            for way, seconds in (
                ("first version", seed),
                ("engine", one),
                (f"engine, batch of {BATCH}", shared),
            ):
                rows.setdefault(way, []).append(seconds)
    return rows, max(differences), statistics.mean(equal)


def _timed(way: Callable[[Any], Any], given: Any) -> tuple[Any, tuple[float, float]]:
    wall, cpu = time.perf_counter(), time.process_time()
    result = way(given)
    return result, (time.perf_counter() - wall, time.process_time() - cpu)


def _jpeg(settings: Settings, number: int) -> bytes:
    """Return a file with a picture that no other number gives."""
    from PIL import Image

    with Image.open(settings.data / "samples" / "cat.jpg") as image:
        cut = image.convert("RGB").crop((number % 50, number // 50, image.width, image.height))
    file = io.BytesIO()
    cut.resize(SIZE).save(file, "JPEG", quality=90)
    return file.getvalue()


if __name__ == "__main__":
    sys.exit(main())
