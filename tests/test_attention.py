"""A picture's attention: the same in both ways, and of any layout."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812  # its usual name

from imgcap.inference import attention
from imgcap.inference.decoding import split_heads


def of_one_product(dtype: torch.dtype) -> tuple[Tensor, ...]:
    """Return query, key and value of three pictures as they come from one linear layer."""
    torch.manual_seed(0)
    return split_heads(torch.randn(3, 37, 3 * 4 * 8).to(dtype), 12).chunk(3, 1)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_products_read_what_torchs_own_attention_reads(dtype: torch.dtype) -> None:
    given = of_one_product(dtype)
    exact = F.scaled_dot_product_attention(*(each.float() for each in given))
    with torch.inference_mode():
        read = attention.by_products(*given)
    assert read.dtype == dtype
    torch.testing.assert_close(read.float(), exact, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("has_amx", [True, False])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_way_is_chosen_by_dtype_and_processor(
    monkeypatch: pytest.MonkeyPatch, dtype: torch.dtype, *, has_amx: bool
) -> None:
    ways: list[str] = []
    by_products = attention.by_products

    def noted(*given: Tensor) -> Tensor:
        ways.append("products")
        return by_products(*given)

    monkeypatch.setattr(attention, "has_amx", lambda: has_amx)
    monkeypatch.setattr(attention, "by_products", noted)
    given = of_one_product(dtype)
    with torch.inference_mode():
        read = attention.attend(*given)
    assert ways == (["products"] if dtype == torch.bfloat16 and not has_amx else [])
    exact = F.scaled_dot_product_attention(*(each.float() for each in given))
    torch.testing.assert_close(read.float(), exact, rtol=0.02, atol=0.02)
