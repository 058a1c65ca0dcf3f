"""Parts of a model as OpenVINO computes them, called with torch's tensors."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from imgcap.inference.cores import usable_threads

TELEMETRY = "openvino_telemetry"
_DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16}


def import_openvino() -> Any:
    """Return the package, which then reports to nobody: it does without what would.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    sys.modules.setdefault(TELEMETRY, None)  # type: ignore[arg-type]  # not there, says Python
    return importlib.import_module("openvino")


class Tower:
    """`imgcap.inference.fast.graphs.Tower`, compiled.

    Parameters
    ----------
    file : Path
        The converted graph.
    dtype : torch.dtype
        What is computed with: float32 or bfloat16.
    """

    def __init__(self, file: Path, dtype: torch.dtype) -> None:
        self._request = compiled(read(file), dtype).create_infer_request()

    def __call__(self, pixel_values: Tensor) -> Tensor:
        """Return `(n, dim)` float32 embeddings of `(n, 3, height, width)` pixels."""
        self._request.infer([pixel_values.float().numpy()])
        return torch.from_numpy(self._request.get_output_tensor(0).data.copy())


class Step:
    """`imgcap.inference.fast.graphs.Step`, compiled, as `decoding.quick_steps` calls it.

    It computes in float32 whatever the model's dtype is: where weights are 8-bit integers,
    activations are rounded to such as well, block by block, for each product. For one picture that
    took 0.82 of bf16's time. What reads pictures has the dtype that the graph was made for.

    Parameters
    ----------
    file : Path
        The converted graph.
    """

    def __init__(self, file: Path) -> None:
        self._ov = import_openvino()
        graph = read(file)
        self._layers = (len(graph.inputs) - 2) // 2
        self._dtype = _DTYPES[graph.input(1).element_type.get_type_name()]
        _, heads, _, width = graph.output(1).partial_shape
        self._none = torch.empty(1, heads.get_length(), 0, width.get_length())
        self._request = compiled(graph, torch.float32).create_infer_request()
        self._pictures: Tensor | None = None
        self._given: Tensor | None = None

    def __call__(self, input_ids: Tensor, pictures: Tensor, past: Any) -> Tensor:
        """Return `(rows, 1, vocabulary)` float32 logits, and add the tokens to the cache."""
        request, layers = self._request, self._layers
        if pictures is not self._pictures:
            self._pictures, self._given = pictures, pictures.to(self._dtype).contiguous()
            self._give(1, [self._given])
            torch.set_num_threads(1)  # nothing large is left to torch until its next turn
        tokens = input_ids.contiguous()
        earlier = [
            tensor.contiguous()
            for layer in range(layers)
            for tensor in self._earlier(past, layer, len(input_ids))
        ]
        self._give(0, [tokens])
        self._give(2, earlier)
        request.infer()
        logits, *made = (torch.from_numpy(output.data.copy()) for output in request.output_tensors)
        for layer in range(layers):
            past.update(made[2 * layer], made[2 * layer + 1], layer)
        return logits

    def _earlier(self, past: Any, layer: int, rows: int) -> tuple[Tensor, Tensor]:
        if past.get_seq_length(layer):
            kept = past.layers[layer]
            return kept.keys, kept.values
        none = self._none.expand(rows, -1, -1, -1)
        return none, none

    def _give(self, first: int, tensors: Sequence[Tensor]) -> None:
        """Let inputs point to tensors, which must live until all is computed."""
        for index, tensor in enumerate(tensors, first):
            self._request.set_input_tensor(index, self._wrapped(tensor))

    def _wrapped(self, tensor: Tensor) -> Any:
        if tensor.dtype == torch.bfloat16:  # which numpy does not know
            plain = tensor.view(torch.uint16).numpy()
            return self._ov.Tensor(plain, list(tensor.shape), self._ov.Type.bf16)
        return self._ov.Tensor(tensor.numpy(), shared_memory=tensor.numel() > 0)


def read(file: Path) -> Any:
    """Read a converted graph."""
    return import_openvino().Core().read_model(file)


def compiled(graph: Any, dtype: torch.dtype) -> Any:
    """Return a graph ready to compute with float32 or bfloat16, on the cores there are."""
    hints = {
        "PERFORMANCE_HINT": "LATENCY",
        "ENABLE_CPU_PINNING": False,
        "INFERENCE_PRECISION_HINT": "bf16" if dtype == torch.bfloat16 else "f32",
        "INFERENCE_NUM_THREADS": usable_threads(),
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": 16,  # 32: 0.94 of the time, but cosine .9989
    }
    return import_openvino().Core().compile_model(graph, "CPU", hints)
