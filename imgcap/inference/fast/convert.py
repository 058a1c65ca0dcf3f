"""Converting a part of a checkpoint for OpenVINO, and comparing it with torch in float32.

Run as ``python -m imgcap.inference.fast.convert TARGET WANTED``, with `files.Wanted` in JSON.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # its usual name
from transformers import DynamicCache

from imgcap.inference.decoding import quick_steps, score_with_torch
from imgcap.inference.fast import graphs, runtime
from imgcap.inference.fast.files import CARD, GRAPH, Wanted
from imgcap.inference.folders import Location
from imgcap.inference.loaded import Loaded
from imgcap.inference.pretrained import load
from imgcap.settings import Settings

ENOUGH = 0.999
"""The least cosine to float32 that every embedding, score and remembered state must have."""

_PICTURES = 4
_TOKENS = 20
_BY_HEADS = 3  # dimensions of weights of which each head has a matrix of its own


def convert(wanted: Wanted, target: Path) -> dict[str, Any]:
    """Write the graph into a folder, and say how well it agrees.

    Returns
    -------
    dict
        `agrees`, the least `cosine`, whether weights are `compressed`, and the `reason` if the
        graph is not to be used.
    """
    settings = Settings(device="cpu", dtype="float32", runtime="torch")
    location = Location(Path(wanted.folder), Path(wanted.weights))
    loaded = load(location.folder.name, location, wanted.role, settings)
    images = list(_pictures(Path(wanted.samples)))
    pixels = loaded.processor(images=images, return_tensors="pt")["pixel_values"]
    part = _Tower if wanted.role == "classifier" else _Step
    dtype = getattr(torch, wanted.dtype)
    with torch.inference_mode():
        task = part(loaded, pixels)
    with torch.no_grad():
        graph = task.graph(dtype)
    cosine = 0.0
    for compressed in (True, False) if wanted.compress else (False,):
        save(graph, target / GRAPH, dtype, compressed=compressed)
        with torch.inference_mode():
            cosine = task.compare(target / GRAPH, dtype)
        if cosine >= ENOUGH:
            return {"agrees": True, "cosine": cosine, "compressed": compressed}
    return {"agrees": False, "cosine": cosine, "reason": f"cosine {cosine:.5f} to float32"}


class _Tower:
    """A classifier's picture tower."""

    def __init__(self, loaded: Loaded, pixels: Tensor) -> None:
        self._module = graphs.Tower(loaded.model)
        self._pixels = pixels
        self._expected = self._module(pixels)

    def graph(self, _: torch.dtype) -> Any:
        return runtime.import_openvino().convert_model(self._module, example_input=self._pixels)

    def compare(self, file: Path, dtype: torch.dtype) -> float:
        return least_cosine(self._expected, runtime.Tower(file, dtype)(self._pixels))


class _Step:
    """A captioner's decoder, over the captions that it writes itself."""

    def __init__(self, loaded: Loaded, pixels: Tensor) -> None:
        self._model = loaded.model
        with quick_steps(self._model, len(pixels)):
            self._ids = self._model.generate(
                pixel_values=pixels, max_new_tokens=_TOKENS, min_new_tokens=_TOKENS, do_sample=False
            )
            self._pictures = self._model.vision_model(pixels)[0]
        decoder = self._model.text_decoder
        self._expected = self._walk(lambda *given: score_with_torch(decoder, *given))

    def graph(self, dtype: torch.dtype) -> Any:
        decoder = self._model.text_decoder
        layers = decoder.bert.encoder.layer
        for layer in layers:  # what reads pictures is to compute in their dtype
            layer.crossattention.self.key.to(dtype)
            layer.crossattention.self.value.to(dtype)
        text = decoder.config
        heads = text.num_attention_heads
        none = torch.zeros(len(self._ids), heads, 3, text.hidden_size // heads)
        example = {
            "input_ids": self._ids[:, :2],
            "pictures": self._pictures.to(dtype),
            "past": [none] * (2 * len(layers)),
        }
        step = graphs.Step(decoder)
        return runtime.import_openvino().convert_model(step, example_input=example)

    def compare(self, file: Path, _: torch.dtype) -> float:
        found = self._walk(runtime.Step(file))
        return min(least_cosine(a, b) for a, b in zip(self._expected, found, strict=True))

    def _walk(self, score: Any) -> list[Tensor]:
        """Return the scores of each token given those before it, and all that was remembered."""
        past = DynamicCache()
        scores = [score(ids, self._pictures, past) for ids in self._ids.split(1, dim=1)]
        return [*scores, *(kept for layer in past.layers for kept in (layer.keys, layer.values))]


def _pictures(folder: Path) -> Iterator[Image.Image]:
    files = sorted(folder.glob("*.jpg"))[:_PICTURES]
    for file in files:
        with Image.open(file) as image:
            yield image.convert("RGB")
    if not files:  # an installation without samples
        for seed in range(_PICTURES):
            small = torch.randint(0, 256, (8, 8, 3), generator=torch.Generator().manual_seed(seed))
            yield Image.fromarray(small.byte().numpy()).resize((512, 512))


def save(graph: Any, file: Path, dtype: torch.dtype, *, compressed: bool) -> None:
    """Write a graph that is to compute with `dtype`, its weights as 8-bit integers if asked."""
    ov = runtime.import_openvino()
    if compressed:
        import nncf

        # Zero points of their own halve what channels lose; see benchmarks/agreement.py.
        graph = nncf.compress_weights(
            graph.clone(),
            mode=nncf.CompressWeightsMode.INT8_ASYM,
            ignored_scope=nncf.IgnoredScope(names=_by_heads(graph)),
        )
    ov.save_model(graph, file, compress_to_fp16=dtype == torch.bfloat16)


def _by_heads(graph: Any) -> list[str]:
    """Name the products of each head with weights of its own, which 8 bits make slower."""
    return [
        op.get_friendly_name()
        for op in graph.get_ops()
        if op.get_type_name() == "MatMul" and len(op.input(1).get_partial_shape()) == _BY_HEADS
    ]


def least_cosine(expected: Tensor, found: Tensor) -> float:
    """Return the least cosine of two tensors' vectors along the last dimension."""
    return float(F.cosine_similarity(expected.float(), found.float(), dim=-1).min())


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    card = convert(Wanted(**json.loads(sys.argv[2])), folder)
    (folder / CARD).write_text(json.dumps(card), encoding="utf-8")
