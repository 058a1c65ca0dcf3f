"""From a file's bytes to the input tensors of CLIP and BLIP: their own processors against ours.

What was tried, in milliseconds of one core for a JPEG of 1600 x 1200 and one of 4000 x 3000, and
what it changes at an input of 224 x 224 (the least cosine between embeddings of the embedded
classifier, and the largest difference between its probabilities, on 18 pictures of 1,680 pixels;
noise of at most one level: 0.9986 and 0.019; once more through JPEG: 0.9997 and 0.015):

- the processors: 40 and 361; Pillow alone to both sizes: 22 and 120;
- Pillow with `reducing_gap=3`: 20 and 43; 0.9996, 0.010. With a gap of 2: 0.9991, 0.022;
- torch, which has vector code for 8-bit pixels: 4 and 45, of which most is a copy; 1.0000, 0.001;
- torch after `Image.reduce` to 3.3 times the input: 3 and 13, once for both models;
- reduced to 2.5 and 1.6 times the input: 0.9995 and 0.9989, 0.019 and 0.025. Left out: of
  1600 x 1200 pixels it would save a millisecond;
- decoding at a half and a quarter: 8 instead of 11, and 48 instead of 73. At 2.5 times the input
  0.9994, 0.010, at 1.2 times 0.9969, 0.034. Kept for large pictures of which nobody needs all
  pixels; reading the entropy code takes most of what is left.

A remainder of the division, which shifts the other pixels by a fraction of one, costs more than
the reduction itself (0.9945); hence sides are only divided where there is none.
"""

import io
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Final

import torch
import transformers
from PIL import Image

from benchmarks.pictures import jpeg
from benchmarks.report import Report, Table, parser, publish
from imgcap.images import Picture, open_picture
from imgcap.inference.describing import pixels
from imgcap.inference.pixels import prepare

SIZES: Final = ((800, 600), (1600, 1200), (3000, 4000), (4000, 3000))
_COLUMNS: Final = ("picture", "way", "ms", "CPU ms", "of the CPU time", "levels: most", "mean")

Tensors = list[torch.Tensor]
Way = Callable[[bytes], Tensors]


def ways() -> Mapping[str, Way]:
    """Return ways to the pixels of both models by name, the reference first."""
    processors = [transformers.CLIPImageProcessorPil(), transformers.BlipImageProcessorPil()]

    def own(file: bytes) -> Tensors:
        image = Image.open(io.BytesIO(file)).convert("RGB")
        return [each(images=[image], return_tensors="pt")["pixel_values"] for each in processors]

    def ours(picture: Picture) -> Tensors:
        known = [SimpleNamespace(image_processor=each) for each in processors]
        return [prepare(each, [pixels(picture)])["pixel_values"] for each in known]

    return {
        "the models' processors": own,
        "imgcap, a page": lambda file: ours(open_picture(file, "picture")),
        "imgcap, for models only": lambda file: ours(
            open_picture(file, "picture", for_models=True)
        ),
    }


def measure(
    compared: Mapping[str, Way], kind: str, size: tuple[int, int], rounds: int
) -> list[dict[str, object]]:
    """Time all ways in turns; say how far the pixels are from the reference, in levels of 255."""
    seconds: dict[str, list[tuple[float, float]]] = {}
    levels: dict[str, torch.Tensor] = {}
    for number in range(rounds + 1):
        file = jpeg(number, size)
        if kind == "PNG":
            buffer = io.BytesIO()
            Image.open(io.BytesIO(file)).save(buffer, kind, compress_level=3)
            file = buffer.getvalue()
        reference: Tensors = []
        for name, way in compared.items():
            wall, cpu = time.perf_counter(), time.process_time()
            found = way(file)
            spent = time.perf_counter() - wall, time.process_time() - cpu
            reference = reference or found
            std = 255 * torch.tensor(transformers.CLIPImageProcessorPil().image_std).view(3, 1, 1)
            both = [((a - b).abs() * std).flatten() for a, b in zip(found, reference, strict=True)]
            levels[name] = torch.cat([levels.get(name, torch.zeros(0)), *both])
            if number:  # the first round warms up
                seconds.setdefault(name, []).append(spent)
    return [
        {
            "picture": f"{kind} {size[0]} x {size[1]}",
            "way": name,
            "seconds": spent,
            "wall": statistics.median(wall for wall, _ in spent),
            "cpu": statistics.median(cpu for _, cpu in spent),
            "most": round(float(levels[name].max()), 1),
            "mean": round(float(levels[name].mean()), 3),
        }
        for name, spent in seconds.items()
    ]


def main() -> int:
    """Measure, print a table, write a JSON file if asked, and return the exit status."""
    arguments = parser("benchmarks.decode", __doc__).parse_args()
    compared = ways()
    rows, cells = [], []
    for kind, size in [*(("JPEG", size) for size in SIZES), ("PNG", SIZES[1])]:
        found = measure(compared, kind, size, arguments.rounds)
        plain = found[0]["cpu"]
        rows += found
        cells += [
            (
                row["picture"],
                row["way"],
                f"{1000 * row['wall']:.0f}",
                f"{1000 * row['cpu']:.0f}",
                f"{row['cpu'] / plain:.2f}",
                f"{row['most']:.0f}",
                f"{row['mean']:.2f}",
            )
            for row in found
        ]
    sentences = [
        "From a file's bytes to the input tensors of CLIP (224 pixels) and BLIP (384 pixels);",
        "medians of all rounds, in which the ways take turns, each round with another picture.",
        "Levels are how far what the models get is from what their processors make, of 255.",
    ]
    report = Report(
        "Decoding and resizing", sentences, [Table("", _COLUMNS, cells)], {"rows": rows}
    )
    publish(report, arguments.json)
    return 0


if __name__ == "__main__":
    sys.exit(main())
