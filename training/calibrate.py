"""Fit the classifier's one temperature, so that 80 % confident means right 80 % of the time.

Temperature scaling after Guo et al., "On calibration of modern neural networks" (2017): one half of
each dev part, chosen by hash, gives the temperature; the other half gives the error reported.
"""

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from evaluate import expected_calibration_error, pictures_of
from export import CLASSIFIER
from pictures import LABELLED, read_set, unpack
from texts import names_of
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize
from transformers import AutoModelForZeroShotImageClassification, AutoProcessor

from imgcap.labels import prompts
from imgcap.settings import Settings

SETS = tuple(name for name in LABELLED if name != "imagenet1k-one-each")


@torch.inference_mode()
def cosines(model, processor, folder: Path, name: str) -> tuple[Tensor, Tensor, np.ndarray]:
    """Similarities of a dev part to its names, the right columns, and which half each row is in."""
    every = read_set(folder, name)
    items = [item for item in every if item.part == "dev"]
    labels = list(dict.fromkeys(names_of(item)[0] for item in every))
    asked = [prompts(label)[0] for label in labels]
    batch = processor(text=asked, padding=True, truncation=True, max_length=64, return_tensors="pt")
    texts = normalize(model.get_text_features(**batch).pooler_output, dim=-1)
    images = []
    for start in range(0, len(items), 32):
        chunk = [picture.image for picture in pictures_of(items[start : start + 32])]
        pixels = processor(images=chunk, return_tensors="pt")
        images.append(normalize(model.get_image_features(**pixels).pooler_output, dim=-1))
    target = torch.tensor([labels.index(names_of(item)[0]) for item in items])
    half = [hashlib.sha256(item.path.name.encode()).digest()[0] % 2 == 0 for item in items]
    return torch.cat(images) @ texts.T, target, np.array(half)


def main() -> None:
    """Write the temperature and both halves' errors into the cache."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--data", type=Path, default=Settings().data)
    args = parser.parse_args()
    folder = unpack(args.source, args.cache)
    checkpoint = args.data / "models" / CLASSIFIER
    processor = AutoProcessor.from_pretrained(checkpoint, backend="pil")
    model = AutoModelForZeroShotImageClassification.from_pretrained(checkpoint, dtype=torch.float32)
    measured = {name: cosines(model, processor, folder, name) for name in SETS}
    candidates = np.geomspace(0.01, 0.1, 200)

    def loss(temperature: float) -> float:
        return float(
            np.mean(
                [
                    cross_entropy(similar[half] / temperature, target[half]).item()
                    for similar, target, half in measured.values()
                ]
            )
        )

    best = float(min(candidates, key=loss))
    report: dict[str, object] = {"temperature": round(best, 5)}
    for name, (similar, target, half) in measured.items():
        probabilities = (similar / best).softmax(1)
        confidence, answer = (part.numpy() for part in probabilities.max(1))
        right = answer == target.numpy()
        report[name] = {
            "error_on_the_half_that_chose": expected_calibration_error(
                confidence[half], right[half]
            ),
            "error_on_the_other_half": expected_calibration_error(confidence[~half], right[~half]),
        }
    (args.cache / "temperature.json").write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report))


if __name__ == "__main__":
    main()
