"""How likely a captioner is to write a word of a caption, picture by picture."""

from collections.abc import Sequence

import torch
from PIL import Image

from benchmarks.curves import Score
from imgcap.inference.loaded import Loaded


def word_score(loaded: Loaded, words: Sequence[str], word: int) -> Score:
    """Return what tells, for each picture, a word's probability after the words before it."""
    tokenizer = loaded.processor.tokenizer

    def encode(several: Sequence[str]) -> list[int]:
        ids: list[int] = tokenizer(" ".join(several), add_special_tokens=False)["input_ids"]
        return ids

    first = len(encode(words[:word]))
    ids = torch.tensor(
        [[loaded.model.config.text_config.bos_token_id, *encode(words[: word + 1])]],
        device=loaded.device,
    )

    def score(images: Sequence[Image.Image]) -> list[float]:
        pixels = loaded.processor(images=list(images), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            seen = loaded.model.vision_model(pixel_values=pixels.to(loaded.device, loaded.dtype))
            logits = loaded.model.text_decoder(
                input_ids=ids.expand(len(images), -1), encoder_hidden_states=seen.last_hidden_state
            ).logits
        steps = logits[:, first:-1].float().log_softmax(-1)
        told = ids[:, first + 1 :].expand(len(images), -1).unsqueeze(2)
        chances: list[float] = steps.gather(2, told).squeeze(2).sum(1).exp().tolist()
        return chances

    return score
