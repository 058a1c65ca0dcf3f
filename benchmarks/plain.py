"""The plain way to both answers that the app's first version went, with transformers alone."""

import io
from collections.abc import Callable, Sequence
from typing import Any, Final

import torch
import transformers
from PIL import Image
from transformers.utils import logging as transformers_logging

from imgcap.inference import embedded  # noqa: F401  # registers the embedded architecture
from imgcap.inference.checkpoints import local_folder
from imgcap.inference.events import Role
from imgcap.inference.folders import Location, check_folder
from imgcap.inference.hub import fetch
from imgcap.labels import prompts
from imgcap.settings import Settings

Answers = tuple[dict[str, float], str]
"""Labels' probabilities and a caption."""

_AUTO: Final = {
    "classifier": transformers.AutoModelForZeroShotImageClassification,
    "captioner": transformers.AutoModelForImageTextToText,
}


def load(role: Role, settings: Settings) -> tuple[Any, Any]:
    """Return a chosen checkpoint's model in float32 and its processor."""
    transformers_logging.disable_progress_bar()
    location = _location(settings.classifier if role == "classifier" else settings.captioner, role)
    config = transformers.AutoConfig.from_pretrained(location.folder)
    model: Any = _AUTO[role].from_pretrained(location.weights, config=config, dtype=torch.float32)
    return model.eval(), transformers.AutoProcessor.from_pretrained(location.folder, backend="pil")


def first_version(
    settings: Settings, labels: Sequence[str], tokens: int
) -> Callable[[bytes], Answers]:
    """Return what answers about a file as the app's first version did."""
    classifier, reader = load("classifier", settings)
    captioner, writer = load("captioner", settings)
    texts = [prompts(label)[0] for label in labels]

    def answer(file: bytes) -> Answers:
        image = Image.open(io.BytesIO(file)).convert("RGB")
        inputs = writer(images=image, return_tensors="pt")
        ids = captioner.generate(**inputs, min_new_tokens=tokens, max_new_tokens=tokens)
        [caption] = writer.batch_decode(ids, skip_special_tokens=True)
        inputs = reader(text=texts, images=image, padding=True, return_tensors="pt")
        with torch.inference_mode():
            [scores] = classifier(**inputs).logits_per_image.softmax(-1).tolist()
        return dict(zip(labels, scores, strict=True)), caption

    return answer


def _location(name: str, role: Role) -> Location:
    folder = local_folder(name, role, Settings())
    return check_folder(folder, role) if folder else fetch(name, role, lambda _done, _total: None)
