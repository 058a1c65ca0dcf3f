"""Measure the models through the engine on the dev parts; write data/models/evaluation.json.

Accuracy is that of `Engine.classify` with its default template and the class names of each set;
captions are scored by the public `pycocoevalcap` (CIDEr, BLEU) on lower-cased words without
punctuation; retrieval compares the pictures' and the captions' embeddings.
"""

import argparse
import contextlib
import io
import json
import os
from pathlib import Path

import numpy as np
import torch
from caption_data import caption_words
from export import CLASSIFIER
from pictures import LABELLED, Item, read_set, unpack
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.cider.cider import Cider
from texts import names_of
from transformers import AutoModelForZeroShotImageClassification, AutoProcessor

from imgcap.images import open_picture
from imgcap.inference import CaptionOptions, ClassifyOptions, Engine, open_engine
from imgcap.learning.captions.cider import CiderD
from imgcap.settings import Settings

BINS = 15
RETRIEVED = 1000


def pictures_of(items: list[Item]):
    """Open pictures as the app does."""
    return [open_picture(item.path.read_bytes(), item.path.name) for item in items]


def expected_calibration_error(confidence: np.ndarray, right: np.ndarray) -> float:
    """Mean gap of confidence and accuracy over equal-width bins (Guo et al. 2017)."""
    bins = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = [
        abs(confidence[bins == b].mean() - right[bins == b].mean()) * (bins == b).mean()
        for b in range(BINS)
        if (bins == b).any()
    ]
    return float(sum(gaps))


def evaluate_names(engine: Engine, folder: Path, name: str) -> dict[str, float]:
    """Top-1 and top-5 accuracy, calibration error, and how often a claim of 80 % is right."""
    every = read_set(folder, name)
    items = [i for i in every if i.part == "dev"] or every
    labels = list(dict.fromkeys(names_of(item)[0] for item in every))
    options = ClassifyOptions(batch_size=32)
    first, fifth, confidence = [], [], []
    for start in range(0, len(items), 128):
        chunk = items[start : start + 128]
        for item, result in zip(
            chunk, engine.classify(pictures_of(chunk), labels, options), strict=True
        ):
            best = [prediction.label for prediction in result.predictions[:5]]
            first.append(best[0] == names_of(item)[0])
            fifth.append(names_of(item)[0] in best)
            confidence.append(result.predictions[0].score)
    right, sure = np.array(first), np.array(confidence)
    near = (sure >= 0.7) & (sure < 0.9)
    return {
        "pictures": len(items),
        "labels": len(labels),
        "top_1": float(right.mean()),
        "top_5": float(np.mean(fifth)),
        "expected_calibration_error": expected_calibration_error(sure, right),
        "mean_confidence": float(sure.mean()),
        "accuracy_where_confidence_is_70_to_90_percent": float(right[near].mean()),
        "pictures_with_that_confidence": int(near.sum()),
    }


def evaluate_retrieval(folder: Path, items: list[Item]) -> dict[str, float]:
    """R@1, R@5 and R@10 from a picture to captions, among one or five captions a picture."""
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    model = AutoModelForZeroShotImageClassification.from_pretrained(folder, dtype=torch.float32)
    items = items[:RETRIEVED]
    pictures, captions = [], [caption for item in items for caption in item.captions[:5]]
    with torch.inference_mode():
        for start in range(0, len(items), 32):
            images = [p.image for p in pictures_of(items[start : start + 32])]
            pixels = processor(images=images, return_tensors="pt")
            pictures.append(model.get_image_features(**pixels).pooler_output)
        texts = [
            model.get_text_features(
                **processor(
                    text=captions[start : start + 250],
                    padding=True,
                    truncation=True,
                    max_length=64,
                    return_tensors="pt",
                )
            ).pooler_output
            for start in range(0, len(captions), 250)
        ]
    images = torch.nn.functional.normalize(torch.cat(pictures), dim=-1)
    embedded = torch.nn.functional.normalize(torch.cat(texts), dim=-1)
    figures: dict[str, float] = {"pictures": len(items)}
    for captions_each, step in ((1, 5), (5, 1)):
        order = (images @ embedded[::step].T).argsort(1, descending=True) // captions_each
        hits = order == torch.arange(len(items))[:, None]
        for k in (1, 5, 10):
            key = f"picture_to_caption_R@{k}_among_{len(items) * captions_each}"
            figures[key] = float(hits[:, :k].any(1).float().mean())
    return figures


def evaluate_captions(engine: Engine, items: list[Item]) -> dict[str, float]:
    """CIDEr and BLEU-4 of beam search on Flickr8k's dev part."""
    options = CaptionOptions(num_beams=3, batch_size=32)
    written = []
    for start in range(0, len(items), 128):
        pictures = pictures_of(items[start : start + 128])
        written += [captions.best.text for captions in engine.caption(pictures, options)]
    references = {k: [" ".join(caption_words(c)) for c in i.captions] for k, i in enumerate(items)}
    answers = {k: [" ".join(caption_words(text))] for k, text in enumerate(written)}
    with contextlib.redirect_stdout(io.StringIO()):
        cider = float(Cider().compute_score(references, answers)[0])
        bleu = [float(score) for score in Bleu(4).compute_score(references, answers)[0]]
    reward = CiderD({k: [r.split() for r in refs] for k, refs in references.items()})
    ours = float(np.mean([reward.score(answers[k][0].split(), k) for k in answers]))
    if abs(ours - cider) > 1e-6:
        raise RuntimeError(f"The reward in training is not CIDEr: {ours} against {cider}.")
    return {
        "pictures": len(items),
        "beams": 3,
        "CIDEr": cider,
        "BLEU_1": bleu[0],
        "BLEU_4": bleu[3],
        "captions_with_an_unknown_word": sum("unk" in text.lower() for text in written),
        "distinct_captions": len(set(written)),
        "mean_words": float(np.mean([len(a[0].split()) for a in answers.values()])),
    }


def main() -> None:
    """Measure both models and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path, help="the folder of training archives")
    parser.add_argument("cache", type=Path)
    parser.add_argument("--data", type=Path, default=Settings().data)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    folder = unpack(args.source, args.cache)
    engine = open_engine(Settings(data=args.data))
    dev = [item for item in read_set(folder, "flickr8k") if item.part == "dev"]
    figures: dict[str, object] = {
        "measured_on": "dev parts, held out by a hash of the picture's name; Flickr8k's own dev "
        "part; imagenet1k-one-each is training material, a check against forgetting"
    }
    for name in LABELLED:
        figures[name] = evaluate_names(engine, folder, name)
        print(name, json.dumps(figures[name]), flush=True)
    figures["flickr8k_retrieval"] = evaluate_retrieval(args.data / "models" / CLASSIFIER, dev)
    print(json.dumps(figures["flickr8k_retrieval"]), flush=True)
    figures["flickr8k_captions"] = evaluate_captions(engine, dev)
    print(json.dumps(figures["flickr8k_captions"]), flush=True)
    rounded = json.loads(json.dumps(figures), parse_float=lambda text: round(float(text), 4))
    path = args.data / "models" / "evaluation.json"
    path.write_text(json.dumps(rounded, indent=2) + "\n")


if __name__ == "__main__":
    main()
