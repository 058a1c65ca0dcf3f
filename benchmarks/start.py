"""Seconds and memory from a cold process to the embedded models' first answer.

The plain way (import transformers, `from_pretrained`, one picture) and imgcap's take turns, each
in a process of its own; medians over the rounds.
"""

import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.machine import machine
from benchmarks.report import Report, Table, decimal, parser, publish
from imgcap.settings import Settings

PLAIN = """
import torch, transformers
from PIL import Image
import imgcap.inference.embedded
picture = Image.open(PICTURE).convert("RGB")
labels = [f"a photo of {label}" for label in LABELS]
classifier = transformers.AutoModelForZeroShotImageClassification.from_pretrained(
    MODELS / "imgcap-align-small", dtype=torch.float32
)
reader = transformers.AutoProcessor.from_pretrained(MODELS / "imgcap-align-small", backend="pil")
captioner = transformers.AutoModelForImageTextToText.from_pretrained(
    MODELS / "imgcap-captioner-small", dtype=torch.float32
)
writer = transformers.AutoProcessor.from_pretrained(
    MODELS / "imgcap-captioner-small", backend="pil"
)
with torch.inference_mode():
    inputs = reader(text=labels, images=picture, padding=True, return_tensors="pt")
    scores = classifier(**inputs).logits_per_image.softmax(-1)
    tokens = captioner.generate(**writer(images=picture, return_tensors="pt"))
caption = writer.batch_decode(tokens, skip_special_tokens=True)[0]
"""

OURS = """
from imgcap.images import open_picture
from imgcap.inference import open_engine
picture = open_picture(PICTURE.read_bytes(), PICTURE.name)
described = open_engine().describe(picture, LABELS)
caption = described.caption
"""

_PROGRAM = """
import time
started = time.perf_counter()
from pathlib import Path
PICTURE, MODELS, LABELS = Path({picture!r}), Path({models!r}), ["a cat", "a dog", "a car"]
{way}
import json, sys
seconds = time.perf_counter() - started
figures = {{"seconds": seconds, "cpu": time.process_time(), "caption": caption}}
figures["modules"] = len(sys.modules)
for file in ("status", "smaps_rollup"):
    path = Path("/proc/self", file)
    for line in path.read_text().splitlines() if path.exists() else ():
        name, _, value = line.partition(":")
        if name in {{"VmHWM", "VmRSS", "Pss"}}:
            figures[name] = int(value.split()[0]) / 1024
print(json.dumps(figures))
"""

_COLUMNS = {
    "seconds": "seconds",
    "CPU seconds": "cpu",
    "modules": "modules",
    "resident MiB": "VmRSS",
    "its share (PSS) MiB": "Pss",
    "peak MiB": "VmHWM",
}


def run_once(way: str) -> dict[str, Any]:
    """Run a way in a process of its own and return its figures."""
    data = Settings().data
    program = _PROGRAM.format(
        picture=str(data / "samples" / "cat.jpg"), models=str(data / "models"), way=way
    )
    done = subprocess.run(  # noqa: S603  # ours
        [sys.executable, "-c", program],
        check=True,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parent.parent,
    )
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def main() -> int:
    """Measure, print the table, write a JSON file if asked, and return the exit status."""
    arguments = parser("benchmarks.start", __doc__).parse_args()
    machine()
    ways = {"plain transformers": PLAIN, "imgcap": OURS}
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in ways}
    for number in range(arguments.rounds + 1):
        for name, way in ways.items():
            figures = run_once(way)
            if number:  # the first round warms the disk's cache
                rounds[name].append(figures)
    publish(_report(rounds), arguments.json)
    return 0


def _report(rounds: dict[str, list[dict[str, Any]]]) -> Report:
    medians = {
        way: [statistics.median(row.get(key, 0) for row in rows) for key in _COLUMNS.values()]
        for way, rows in rounds.items()
    }
    plain, ours = medians.values()
    rows = [(way, *map(decimal, values)) for way, values in medians.items()]
    ratios = (f"{b / a:.2f}x" if a else "" for a, b in zip(plain, ours, strict=True))
    sentence = (
        "The embedded pair, one picture, three labels: medians of "
        f"{len(rounds['imgcap'])} rounds of one process each, after one that warmed the disk's "
        "cache."
    )
    return Report(
        "From a cold process to the first answer",
        [sentence],
        [Table("", ("way", *_COLUMNS), [*rows, ("imgcap / plain", *ratios)])],
        {"rounds": rounds},
    )


if __name__ == "__main__":
    sys.exit(main())
