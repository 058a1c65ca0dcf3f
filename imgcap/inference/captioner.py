"""Captioning: pictures to sentences, by beam search over an image-conditioned text decoder."""

import time
from collections.abc import Sequence
from typing import Any

import torch
from PIL import Image
from transformers import StoppingCriteriaList

from imgcap.inference.decoding import quick_steps
from imgcap.inference.errors import CancelledError, EngineError
from imgcap.inference.events import Cancel, Progress, Words
from imgcap.inference.loaded import Loaded, answering
from imgcap.inference.loading import Loader
from imgcap.inference.pixels import prepare
from imgcap.inference.results import Caption, CaptionOptions, Captions
from imgcap.inference.telling import Telling


class Captioner:
    """Captions pictures with one checkpoint.

    Parameters
    ----------
    loader : Loader
        Gives the model when it is first needed.
    """

    def __init__(self, loader: Loader) -> None:
        self._loader = loader

    def caption(
        self,
        images: Sequence[Image.Image],
        options: CaptionOptions,
        *,
        cancel: Cancel | None = None,
        progress: Progress | None = None,
        on_words: Words | None = None,
    ) -> list[Captions]:
        """Write captions for every picture.

        Parameters
        ----------
        images : sequence of PIL.Image.Image
            RGB pictures of any size.
        options : CaptionOptions
            Beams, lengths, number of captions and prefix.

        Returns
        -------
        list of Captions
            One for each picture, in order.

        Raises
        ------
        ModelError
            If the checkpoint cannot be loaded.
        CancelledError
            If `cancel` said so; it is asked before each batch and each token.
        """
        telling = Telling(on_words if len(images) == 1 else None)
        loaded = self._loader.get(cancel)
        results: list[Captions] = []
        for start in range(0, len(images), options.batch_size):
            if cancel is not None and cancel():
                raise CancelledError
            batch = images[start : start + options.batch_size]
            begun = time.perf_counter()
            with answering(loaded, len(batch)):
                written = _generate(loaded, batch, options, cancel, telling)
            ms = 1000 * (time.perf_counter() - begun) / len(batch)
            results += [
                Captions(captions, loaded.name, ms, loaded.revision) for captions in written
            ]
            if progress:
                progress(len(results), len(images))
        return results


def _generate(
    loaded: Loaded,
    images: Sequence[Image.Image],
    options: CaptionOptions,
    cancel: Cancel | None,
    telling: Telling,
) -> list[tuple[Caption, ...]]:
    model, processor = loaded.model, loaded.processor
    pixels = prepare(processor, images)["pixel_values"]
    prompt = _prompt(loaded, options.prefix, len(images))
    room = _room(loaded, prompt)
    with torch.inference_mode(), quick_steps(model, len(images), loaded.quick):
        output = model.generate(
            pixel_values=pixels.to(loaded.device, loaded.dtype),
            **prompt,
            num_beams=options.num_beams,
            num_return_sequences=options.num_captions,
            min_new_tokens=min(options.min_new_tokens, room) or None,
            max_new_tokens=min(options.max_new_tokens, room),
            do_sample=False,
            return_dict_in_generate=True,
            output_scores=True,
            stopping_criteria=StoppingCriteriaList([_BetweenTokens(loaded, cancel, telling)]),
        )
    texts = processor.tokenizer.batch_decode(output.sequences, skip_special_tokens=True)
    scores = _mean_log_probabilities(loaded, output, options)
    lengths = _lengths(loaded, output, prompt)
    captions = [
        Caption(" ".join(text.split()), score, *length)
        for text, score, length in zip(texts, scores, lengths, strict=True)
    ]
    telling.tell(captions[0].text)
    size = options.num_captions
    return [tuple(captions[start : start + size]) for start in range(0, len(captions), size)]


def _prompt(loaded: Loaded, prefix: str, count: int) -> dict[str, torch.Tensor]:
    """Return the token ids that every caption begins with; none if the model starts by itself."""
    if not prefix.strip():
        return {}
    tokenizer = loaded.processor.tokenizer
    ids = [tokenizer.cls_token_id, *tokenizer.encode(prefix, add_special_tokens=False)]
    if loaded.model.config.model_type != "git":
        # BLIP expects the separator that its tokenizer appends, and drops it before decoding.
        ids.append(tokenizer.sep_token_id)
    row = torch.tensor([ids], dtype=torch.long, device=loaded.device)
    return {
        "input_ids": row.repeat(count, 1),
        "attention_mask": torch.ones_like(row).repeat(count, 1),
    }


def _room(loaded: Loaded, prompt: dict[str, torch.Tensor]) -> int:
    """Return how many tokens the model has positions for after the prompt."""
    config = loaded.model.config
    positions = getattr(config, "text_config", config).max_position_embeddings
    room = int(positions) - (prompt["input_ids"].shape[1] if prompt else 1)
    if room < 1:
        raise EngineError(f"The caption's prefix is too long for {loaded.name}.")
    return room


def _mean_log_probabilities(loaded: Loaded, output: Any, options: CaptionOptions) -> list[float]:
    """Return the mean log-probability of each caption's generated tokens."""
    if options.num_beams > 1:  # the search's own ranking, with a length penalty of 1
        beam_scores: list[float] = output.sequences_scores.float().tolist()
        return beam_scores
    steps = torch.stack(output.scores, dim=1).float().log_softmax(dim=-1)
    tokens = output.sequences[:, -steps.shape[1] :]
    chosen = steps.gather(2, tokens.unsqueeze(2)).squeeze(2)
    tokenizer = loaded.processor.tokenizer
    ended = (tokens == tokenizer.sep_token_id).cumsum(dim=1) - (
        tokens == tokenizer.sep_token_id
    ).long()
    written = ended == 0
    means: list[float] = ((chosen * written).sum(1) / written.sum(1)).tolist()
    return means


def _lengths(
    loaded: Loaded, output: Any, prompt: dict[str, torch.Tensor]
) -> list[tuple[int, bool]]:
    """Return of each caption how many tokens were generated, and whether the model ended it."""
    end = loaded.processor.tokenizer.sep_token_id
    start = prompt["input_ids"].shape[1] if prompt else 1
    if prompt and loaded.model.config.model_type != "git":
        start -= 1  # the separator that BLIP drops
    rows = output.sequences[:, start:].tolist()
    return [(row.index(end), True) if end in row else (len(row), False) for row in rows]


class _BetweenTokens:
    """A stopping criterion that stops nothing, but asks `cancel` and tells what there is so far."""

    def __init__(self, loaded: Loaded, cancel: Cancel | None, telling: Telling) -> None:
        self._tokenizer = loaded.processor.tokenizer
        self._cancel = cancel
        self._telling = telling

    def __call__(self, ids: torch.Tensor, *_: object, **__: object) -> torch.Tensor:
        if self._cancel is not None and self._cancel():
            raise CancelledError
        if self._telling.is_heard:
            leading = ids[0].tolist()  # beams are sorted by their likelihood
            text = self._tokenizer.decode(leading, skip_special_tokens=True)
            self._telling.so_far(text, ended=leading[-1] == self._tokenizer.sep_token_id)
        return torch.zeros(ids.shape[0], dtype=torch.bool, device=ids.device)
