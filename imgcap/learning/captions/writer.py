"""A captioner as it is taught: in float32, its pictures encoded once."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # its usual name
from transformers import BlipForConditionalGeneration

from imgcap.inference.decoding import quick_steps
from imgcap.inference.embedder import check
from imgcap.inference.errors import EngineError
from imgcap.inference.events import Cancel
from imgcap.inference.loading import Listener
from imgcap.inference.pixels import prepare
from imgcap.inference.results import CaptionOptions
from imgcap.learning.teachable import load_teachable
from imgcap.settings import Settings

if TYPE_CHECKING:
    from PIL import Image

    from imgcap.inference.loaded import Loaded

_TOKENS: Final = 40
"""Longer captions are cut: nobody reads them, and a batch is as long as its longest."""
_BATCH: Final = 8
_IGNORED: Final = -100


class Writer:
    """The text decoder of a captioner of BLIP's kind, and what it reads of pictures.

    Parameters
    ----------
    loaded : Loaded
        In float32.

    Raises
    ------
    EngineError
        If the captioner is of another kind.
    """

    def __init__(self, loaded: "Loaded") -> None:
        if not isinstance(loaded.model, BlipForConditionalGeneration):
            raise EngineError(
                f"{loaded.name} cannot be taught: only captioners of BLIP's kind can, "
                "the embedded one among them."
            )
        self.checkpoint = loaded.name
        self.commit = loaded.commit
        self.model: Any = loaded.model
        self._processor = loaded.processor
        self._text = loaded.model.config.text_config

    def layers(self) -> list[str]:
        """Return the names of the linear layers between the decoder's words in and words out."""
        decoder = self.model.text_decoder.bert.encoder
        inner = {id(layer) for layer in decoder.modules() if isinstance(layer, nn.Linear)}
        return [name for name, layer in self.model.named_modules() if id(layer) in inner]

    def encode(self, images: "Sequence[Image.Image]") -> list[Tensor]:
        """Return of each RGB picture the `(cells, width) float32` that the decoder reads."""
        pixels = prepare(self._processor, images)["pixel_values"].float()
        with torch.no_grad():
            return list(self.model.vision_model(pixel_values=pixels)[0])

    def loss(self, pictures: Sequence[Tensor], captions: Sequence[str], smoothing: float) -> Tensor:
        """Return the mean cross-entropy of the captions' tokens, each given those before it.

        Parameters
        ----------
        smoothing : float
            Share of the target that is spread over all tokens (Szegedy et al. 2016).
        """
        longest = min(_TOKENS, int(self._text.max_position_embeddings))
        inputs = self._processor.tokenizer(
            list(captions),
            padding="longest",
            truncation=True,
            max_length=longest,
            return_tensors="pt",
        )
        ids = inputs["input_ids"].clone()
        ids[:, 0] = self._text.bos_token_id  # as `generate` begins
        seen = torch.stack(list(pictures))
        logits = self.model.text_decoder(
            input_ids=ids,
            attention_mask=inputs["attention_mask"],
            encoder_hidden_states=seen,
            encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long),
            use_cache=False,
        ).logits
        wanted = ids.masked_fill(inputs["attention_mask"] == 0, _IGNORED)[:, 1:]
        return F.cross_entropy(
            logits[:, :-1].flatten(0, 1),
            wanted.flatten(),
            ignore_index=_IGNORED,
            label_smoothing=smoothing,
        )

    def write(self, pictures: Sequence[Tensor], cancel: Cancel | None = None) -> list[str]:
        """Return captions of encoded pictures, as the engine writes them by default."""
        options = CaptionOptions()
        room = int(self._text.max_position_embeddings) - 1
        captions: list[str] = []
        for start in range(0, len(pictures), _BATCH):
            check(cancel)
            seen = torch.stack(list(pictures[start : start + _BATCH]))
            with torch.inference_mode(), quick_steps(self.model, len(seen)):
                tokens = self.model.text_decoder.generate(
                    input_ids=torch.full((len(seen), 1), self._text.bos_token_id),
                    encoder_hidden_states=seen,
                    encoder_attention_mask=torch.ones(seen.shape[:2], dtype=torch.long),
                    eos_token_id=self._text.sep_token_id,
                    pad_token_id=self._text.pad_token_id,
                    num_beams=options.num_beams,
                    max_new_tokens=min(options.max_new_tokens, room),
                    do_sample=False,
                )
            texts = self._processor.tokenizer.batch_decode(tokens, skip_special_tokens=True)
            captions += [" ".join(text.split()) for text in texts]
        return captions


def open_writer(
    settings: Settings,
    adapter: str = "",
    *,
    listener: Listener | None = None,
    cancel: Cancel | None = None,
) -> Writer:
    """Load the captioner that the settings name.

    Parameters
    ----------
    adapter : str
        Which adapter it writes with, adopted or not; by default none.

    Raises
    ------
    EngineError
        If it runs elsewhere, is of a kind that cannot be taught, or the adapter cannot be used.
    ModelError, CancelledError
        As the engine does.
    """
    if settings.engine != "local":
        raise EngineError(
            "Captions are learned where the captioner runs: on the inference service's machine."
        )
    loaded = load_teachable("captioner", settings, adapter, listener=listener, cancel=cancel)
    return Writer(loaded)
