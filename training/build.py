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
    """Features, trainings, export, calibration, export again, evaluation, model cards."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pictures", type=Path, help="the folder of the .tar archives")
    parser.add_argument("--cache", type=Path, default=HERE / "cache")
    args = parser.parse_args()
    cache = args.cache
    cache.mkdir(parents=True, exist_ok=True)
    subprocess.run(script("features", args.pictures, cache, "lite2"), check=True)
    classifier, captioner = cache / "classifier", cache / "captioner"
    words = None
    if not (captioner / "self-critical.pt").exists():
        words = subprocess.Popen(script("captioner", cache, captioner))
    for result, step in (("joint.pt", "classifier"), ("final.pt", "vision")):
        if not (classifier / result).exists():
            subprocess.run(script(step, cache, classifier), check=True)
    if words and words.wait():
        sys.exit("Training the captioner failed; its messages are above.")
    weights = (
        "--classifier",
        classifier / "final.pt",
        "--captioner",
        captioner / "self-critical.pt",
    )
    subprocess.run(script("export", cache, MODELS, *weights), check=True)
    subprocess.run(script("calibrate", args.pictures, cache), check=True)
    temperature = json.loads((cache / "temperature.json").read_text())["temperature"]
    subprocess.run(
        script("export", cache, MODELS, *weights[:2], "--temperature", temperature), check=True
    )
    subprocess.run(script("evaluate", args.pictures, cache), check=True)
    subprocess.run(script("cards"), check=True)


if __name__ == "__main__":
    main()
