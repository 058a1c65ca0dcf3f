"""Rebuild data/models from the training pictures and the published weights: one command.

    make models PICTURES=<folder of the archives>

Features are cached below training/cache; a part whose result is there is not done again. The two
models train side by side, one thread each.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODELS = HERE.parent / "data" / "models"


def script(name: str, *arguments: object) -> list[str]:
    """Return the command line of a training script."""
    return [sys.executable, str(HERE / f"{name}.py"), *map(str, arguments)]


def main() -> None:
    """Features, both trainings, export, calibration, export again, evaluation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="the folder of the .tar archives")
    parser.add_argument("--cache", type=Path, default=HERE / "cache")
    parser.add_argument("--out", type=Path, default=MODELS)
    args = parser.parse_args()
    cache = args.cache
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run(script("features", args.pictures, cache, "lite2"), check=True)
    classifier, captioner = cache / "classifier", cache / "captioner"
    trainings = {
        classifier / "joint.pt": script("classifier", cache, classifier),
        captioner / "self-critical.pt": script("captioner", cache, captioner),
    }
    running = [subprocess.Popen(c) for result, c in trainings.items() if not result.exists()]
    if any([process.wait() for process in running]):
        sys.exit("A training failed; its messages are above.")
    weights = ("--classifier", classifier / "joint.pt", "--captioner", captioner / "self-critical.pt")
    subprocess.run(script("export", cache, args.out, *weights), check=True)
    subprocess.run(script("calibrate", args.pictures, cache), check=True)
    temperature = json.loads((cache / "temperature.json").read_text())["temperature"]
    subprocess.run(
        script("export", cache, args.out, *weights[:2], "--temperature", temperature), check=True
    )
    subprocess.run(script("evaluate", args.pictures, cache), check=True)


if __name__ == "__main__":
    main()
