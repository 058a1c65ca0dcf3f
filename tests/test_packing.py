"""Packed weights: the same products, gradients as before, and nothing where it cannot be had."""

import pytest
import torch
from torch import nn
from transformers import BlipVisionConfig
from transformers.models.blip.modeling_blip import BlipMLP

from imgcap.inference.folders import Location
from imgcap.inference.packing import FEW_ROWS, MANY_ROWS, _can_pack, pack
from imgcap.inference.pretrained import load
from imgcap.settings import Settings
from tests.conftest import BuildCheckpoint


@pytest.mark.parametrize("bias", [True, False])
def test_products_of_any_number_of_rows_are_the_same(*, bias: bool) -> None:
    torch.manual_seed(0)
    layer = nn.Linear(48, 80, bias=bias, dtype=torch.bfloat16)
    plain = nn.Linear(48, 80, bias=bias, dtype=torch.bfloat16)
    plain.load_state_dict(layer.state_dict())
    pack(layer)
    for shape in ((3, 577), (7, 9), (1, 1), (3, 577), (8, 2, 5), (1,)):
        rows = torch.randn(*shape, 48, dtype=torch.bfloat16)
        with torch.inference_mode():
            torch.testing.assert_close(layer(rows), plain(rows), rtol=0.02, atol=0.02)


def test_who_asks_for_gradients_gets_them() -> None:
    layer = nn.Linear(4, 4, dtype=torch.bfloat16).requires_grad_(requires_grad=False)
    pack(layer)
    rows = torch.ones(2, 4, dtype=torch.bfloat16)
    with torch.inference_mode():
        layer(rows)
    rows.requires_grad_()
    layer(rows).sum().backward()
    assert rows.grad is not None
    torch.testing.assert_close(rows.grad, layer.weight.sum(0).expand(2, 4), rtol=0.02, atol=0.02)


@pytest.mark.skipif(not _can_pack(), reason="torch has no such operation here")
def test_weights_are_packed_by_few_rows_only() -> None:
    layer = nn.Linear(48, 80, dtype=torch.bfloat16)
    pack(layer)
    with torch.inference_mode():
        for rows in (FEW_ROWS + 1, MANY_ROWS):
            layer(torch.ones(rows, 48, dtype=torch.bfloat16))
            assert layer.forward._weights is None
        layer(torch.ones(FEW_ROWS, 48, dtype=torch.bfloat16))
    assert layer.forward._weights is not None


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_only_bfloat16_models_are_packed(checkpoint: BuildCheckpoint, dtype: str) -> None:
    folder = checkpoint("clip")
    settings = Settings(classifier=str(folder), dtype=dtype, device="cpu")
    model = load("x", Location(folder, folder), "classifier", settings).model
    packed = {name for name, part in model.named_modules() if "forward" in vars(part)}
    linear = {name for name, part in model.named_modules() if type(part) is nn.Linear}
    assert packed == (linear if dtype == "bfloat16" and _can_pack() else set())


@pytest.mark.parametrize("rows", [1, 577])
def test_what_is_packed_with_its_activation_computes_the_same(rows: int) -> None:
    torch.manual_seed(0)
    layers, plain = (BlipMLP(BlipVisionConfig(hidden_size=48)).bfloat16() for _ in range(2))
    plain.load_state_dict(layers.state_dict())
    pack(layers)
    given = torch.randn(2, rows, 48, dtype=torch.bfloat16)
    with torch.inference_mode():
        torch.testing.assert_close(layers(given), plain(given), rtol=0.02, atol=0.02)
    assert layers(given).requires_grad
