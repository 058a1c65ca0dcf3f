"""The captioner in training: how it begins, what it is told of concepts, what is left out."""

import numpy as np
import torch
from caption_data import UNK, Batch, caption_words
from concepts import RANK, Concepts
from torch import Tensor, nn
from torch.nn import functional as F
from tower import HEAD_CHANNELS, build_tower, vision_config

from imgcap.inference.embedded import GridCaptioner, GridCaptionerConfig

WIDTH, LAYERS, HEADS = 256, 3, 8


def build_model(variant: str, vocabulary: int) -> GridCaptioner:
    """Build the captioner at random."""
    tower = vision_config(variant, RANK).to_dict()
    vision = tower | {
        "model_type": "imgcap-grid-encoder",
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": HEADS,
        "attention_dropout": 0.1,
        "grid_dim": tower["in_channels"][-1],
    }
    text = {
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
        "encoder_hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "max_position_embeddings": 64,
        "hidden_dropout_prob": 0.2,
        "attention_probs_dropout_prob": 0.1,
        "initializer_range": 0.03,
        "bos_token_id": 2,
        "eos_token_id": 3,
        "sep_token_id": 3,
        "pad_token_id": 0,
    }
    model = GridCaptioner(GridCaptionerConfig(vision_config=vision, text_config=text))
    for parameter in (model.vision_model.position_embedding, model.vision_model.concept_kind):
        torch.nn.init.normal_(parameter, std=0.02)
    return model


@torch.no_grad()
def put_published(
    model: GridCaptioner, concepts: Concepts, ids: dict[str, int], variant: str
) -> None:
    """Give the model the published tower and classifier, and the words of the class names."""
    vision = model.vision_model
    vision.tower.load_state_dict(build_tower(variant, RANK).state_dict())
    projection = vision.tower.encoder.blocks[-1].projection.project_conv.weight.zero_()
    projection[:, :HEAD_CHANNELS, 0, 0] = concepts.projection
    vision.concept_logits.weight.copy_(concepts.weight)
    vision.concept_logits.bias.copy_(concepts.bias)
    words = vision.concept_words.zero_()
    for row, name in zip(words, concepts.names, strict=True):
        known = [ids[word] for word in dict.fromkeys(caption_words(name)) if word in ids]
        known = known[: len(row)] or [ids[UNK]]
        row[: len(known)] = torch.tensor(known)


class Trainee(nn.Module):
    """The captioner over what the tower saw."""

    def __init__(self, model: GridCaptioner, concepts: Concepts) -> None:
        super().__init__()
        self.model = model
        self.rivals = concepts.rivals
        model.vision_model.requires_grad_(True)
        model.vision_model.tower.requires_grad_(False)
        model.vision_model.concept_logits.requires_grad_(False)

    def encode(self, grids: Tensor, embeddings: Tensor) -> Tensor:
        """Turn what the tower saw into the decoder's tokens, as at inference."""
        vision = self.model.vision_model
        named = vision.concepts(*vision.likeliest(embeddings))
        return torch.cat([named, vision.mix(vision.picture(grids, embeddings))], 1)

    def encode_in_training(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Likewise, with dropout, and the decoder's attention mask.

        Now and then concepts are left out. Some of the labelled pictures show nothing but their
        concepts, which teaches the decoder to copy what it never saw.
        """
        vision = self.model.vision_model
        named = vision.concepts(*vision.likeliest(batch.embeddings))
        picture = vision.picture(F.dropout(batch.grids, 0.1), F.dropout(batch.embeddings, 0.2))
        tokens = torch.cat([named, vision.mix(F.dropout(picture, 0.1))], 1)
        mask, concepts = torch.ones(tokens.shape[:2], dtype=torch.long), named.shape[1]
        mask[:, :concepts] *= (torch.rand(len(mask), concepts) > 0.15).long()
        mask[torch.rand(len(mask)) < 0.1, :concepts] = 0
        copied = (torch.arange(len(mask)) >= batch.labelled) & (torch.rand(len(mask)) < 0.4)
        mask[copied, concepts:] = 0
        mask[copied, 0] = 1
        return F.dropout(tokens, 0.1), mask

    def pretend(self, rng: np.random.Generator, count: int) -> tuple[Tensor, Tensor, list[int]]:
        """Encode pictures that nobody took: tokens, attention mask, and which concept each shows.

        Only concepts are given: the one that is shown, and some it is easily taken for. Naming the
        first of them teaches the decoder to copy, not to remember one picture a class.
        """
        vision = self.model.vision_model
        others = vision.config.num_concept_tokens - 1
        shown = torch.from_numpy(rng.integers(len(self.rivals), size=count))
        chosen = [rng.choice(self.rivals.shape[1], others, replace=False) for _ in range(count)]
        rivals = self.rivals[shown].gather(1, torch.from_numpy(np.stack(chosen)))
        first = 0.15 + 0.8 * torch.rand(count, 1)
        rest = torch.rand(count, others).sort(1, descending=True).values
        rest = rest / rest.sum(1, keepdim=True) * (1 - first) * torch.rand(count, 1)
        beliefs = torch.cat([first, torch.minimum(rest, 0.9 * first)], 1)
        tokens = vision.concepts(beliefs, torch.cat([shown[:, None], rivals], 1))
        return tokens, torch.ones(tokens.shape[:2], dtype=torch.long), shown.tolist()


def next_words(model: GridCaptioner, tokens: Tensor, mask: Tensor, ids: Tensor, labels: Tensor):
    """Logits (k, words) and targets (k,) of the k next tokens asked for, and their rows' numbers.

    The vocabulary is by far the widest layer: only positions with a target are put through it.
    """
    hidden = model.text_decoder.bert(
        input_ids=ids,
        attention_mask=(ids != 0).long(),
        encoder_hidden_states=tokens,
        encoder_attention_mask=mask,
        is_decoder=True,
        use_cache=False,
    ).last_hidden_state[:, :-1]
    asked = labels[:, 1:] != -100
    return (
        model.text_decoder.cls(hidden[asked]).float(),
        labels[:, 1:][asked],
        asked.nonzero()[:, 0],
    )
