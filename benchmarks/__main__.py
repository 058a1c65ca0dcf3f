"""Pictures per second of imgcap against plain transformers calls on the same checkpoints.

The ways take turns within every round, so that whatever else the machine does meets all of them
alike; the table shows medians over the rounds.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.table import Table
from transformers.utils import logging as transformers_logging

from benchmarks.machine import machine
from benchmarks.speed import Measurement, caption_ways, classify_ways, measure, pictures_from
from imgcap.inference import CaptionOptions, EngineError
from imgcap.labels import LabelError, read_labels
from imgcap.settings import Settings


def main() -> int:
    """Measure, print a table and write a JSON file; return the exit status."""
    arguments = _parser().parse_args()
    transformers_logging.disable_progress_bar()
    if arguments.threads:
        import torch

        torch.set_num_threads(arguments.threads)
    try:
        if arguments.seed_size:
            with tempfile.TemporaryDirectory() as folder:
                return _run(arguments, *_seed_size(Path(folder)))
        return _run(arguments, arguments.classifier, arguments.captioner)
    except (EngineError, LabelError) as error:
        print(error, file=sys.stderr)
        return 1


def _run(arguments: argparse.Namespace, classifier: str, captioner: str) -> int:
    settings = Settings(classifier=classifier, captioner=captioner, dtype=arguments.dtype)
    labels = read_labels(arguments.labels)
    options = CaptionOptions(num_beams=arguments.beams)
    pictures = pictures_from(arguments.pictures, arguments.count)
    measurements: list[Measurement] = []
    if not arguments.no_classify:
        ways = classify_ways(settings, labels, arguments.batch)
        measurements += measure("classify", ways, pictures, arguments.rounds)
    if not arguments.no_caption:
        ways = caption_ways(settings, options, arguments.batch)
        measurements += measure("caption", ways, pictures, arguments.rounds)
    machine = _machine(arguments)
    Console(width=110).print(_table(measurements, machine))
    arguments.json.parent.mkdir(parents=True, exist_ok=True)
    rows = [row.as_dict() for row in measurements]
    arguments.json.write_text(json.dumps({"machine": machine, "rows": rows}, indent=2) + "\n")
    print(f"Written to {arguments.json}")
    return 0


def _parser() -> argparse.ArgumentParser:
    defaults = Settings()
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--classifier", default="embedded", help="checkpoint (default: embedded)")
    parser.add_argument("--captioner", default="embedded", help="checkpoint (default: embedded)")
    parser.add_argument(
        "--seed-size",
        action="store_true",
        help="build full-size CLIP and BLIP with random weights and measure those",
    )
    parser.add_argument("--pictures", type=Path, default=defaults.data / "samples")
    parser.add_argument("--labels", type=Path, default=defaults.data / "labels" / "seed.txt")
    parser.add_argument("--count", type=int, default=8, help="pictures a round (default: 8)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds (default: 5)")
    parser.add_argument("--batch", type=int, default=8, help="pictures a batch (default: 8)")
    parser.add_argument("--beams", type=int, default=CaptionOptions().num_beams)
    parser.add_argument("--dtype", default="auto", help="of imgcap's weights (default: auto)")
    parser.add_argument("--threads", type=int, default=0, help="of torch (default: its own choice)")
    parser.add_argument("--no-classify", action="store_true")
    parser.add_argument("--no-caption", action="store_true")
    parser.add_argument("--json", type=Path, default=Path("benchmarks/results.json"))
    return parser


def _seed_size(folder: Path) -> tuple[str, str]:
    from tests.seed_models import build_blip, build_clip

    clip = build_clip(folder / "clip", tiny=False)
    blip = build_blip(folder / "blip", tiny=False)
    return str(clip), str(blip)


def _machine(arguments: argparse.Namespace) -> dict[str, str | int]:
    import torch
    import transformers

    return {
        **machine(),
        "torch": torch.__version__,
        "transformers": transformers.__version__,
        "threads": torch.get_num_threads(),
        "cpu": torch.backends.cpu.get_cpu_capability(),
        "dtype": arguments.dtype,
        "beams": arguments.beams,
        "count": arguments.count,
        "rounds": arguments.rounds,
    }


def _table(measurements: list[Measurement], machine: dict[str, str | int]) -> Table:
    title = ", ".join(f"{name} {value}" for name, value in machine.items())
    table = Table(title=title)
    for heading in ("task", "way", "checkpoint", "pictures/s", "ms a picture", "against plain"):
        table.add_column(heading, justify="left" if heading in {"task", "way"} else "right")
    for row in measurements:
        plain = next(other for other in measurements if other.task == row.task)
        table.add_row(
            row.task,
            row.way,
            row.checkpoint,
            f"{1 / row.median:.1f}",
            f"{1000 * row.median:.0f}",
            f"{plain.median / row.median:.2f}x",
        )
    return table


if __name__ == "__main__":
    sys.exit(main())
