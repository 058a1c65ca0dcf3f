"""Quick steps: the same captions with the same scores as transformers' own steps."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import torch
from PIL import Image

from imgcap.inference import CaptionOptions, Captions, Engine, open_engine
from imgcap.inference import captioner as captioner_module
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from tests.checkpoints import pictures
from tests.conftest import BuildCheckpoint

OPTIONS = {
    "greedy": CaptionOptions(num_beams=1, min_new_tokens=12, max_new_tokens=12),
    "beams": CaptionOptions(num_beams=4, num_captions=3),
    "prefix": CaptionOptions(num_beams=3, prefix="a photo of two"),
    "greedy prefix": CaptionOptions(num_beams=1, prefix="there is"),
    "batches": CaptionOptions(num_beams=2, batch_size=2),
}


def stock_steps(
    engine: Engine, images: list[Image.Image], options: CaptionOptions
) -> list[Captions]:
    @contextmanager
    def nothing(*_: object) -> Iterator[None]:
        yield

    quick, captioner_module.quick_steps = captioner_module.quick_steps, nothing
    try:
        return engine.caption(images, options)
    finally:
        captioner_module.quick_steps = quick


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
@pytest.mark.parametrize("kind", ["blip", "grid_captioner"])
def test_captions_and_scores_are_those_of_transformers(
    checkpoint: BuildCheckpoint, kind: str, options: CaptionOptions
) -> None:
    engine = open_engine(Settings(captioner=str(checkpoint(kind)), dtype="float32"))
    images = pictures(3)
    quick, stock = engine.caption(images, options), stock_steps(engine, images, options)
    assert len({each.best.text for each in stock}) > 1, "random weights say the same of all"
    for one, two in zip(quick, stock, strict=True):
        assert [each.text for each in one.captions] == [each.text for each in two.captions]
        for each, other in zip(one.captions, two.captions, strict=True):
            assert each.score == pytest.approx(other.score, abs=1e-4)
            assert (each.tokens, each.finished) == (other.tokens, other.finished)


def test_a_model_is_left_as_it_was(checkpoint: BuildCheckpoint) -> None:
    engine = open_engine(Settings(captioner=str(checkpoint("blip")), dtype="float32"))
    assert isinstance(engine, LocalEngine)
    engine.caption(pictures(1))
    model = engine._loaders["captioner"].get().model
    changed = [name for name, module in model.named_modules() if "forward" in vars(module)]
    assert not changed
    # With weights to look at, as explanations need them.
    output = model.text_decoder(
        input_ids=torch.tensor([[30_522, 5]]),
        encoder_hidden_states=torch.ones(1, 4, 32),
        output_attentions=True,
    )
    assert output.cross_attentions[0].shape[-2:] == (2, 4)
