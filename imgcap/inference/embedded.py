"""The embedded captioner: BLIP's text decoder reading an EfficientNet-Lite grid and named concepts.

Importing this module registers the architecture, so that ``AutoConfig`` and
``AutoModelForImageTextToText`` load its ordinary ``save_pretrained`` folder without remote code.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # its usual name
from transformers import (
    AlignVisionConfig,
    AlignVisionModel,
    AutoConfig,
    AutoModelForImageTextToText,
    BlipConfig,
    BlipForConditionalGeneration,
    BlipTextConfig,
)
from transformers.modeling_outputs import BaseModelOutput
from transformers.models.blip.modeling_blip import (
    BlipEncoderLayer,
    BlipPreTrainedModel,
    BlipTextLMHeadModel,
)


class GridEncoderConfig(AlignVisionConfig):
    """An ALIGN vision tower whose grid, embedding and likeliest concepts become tokens.

    `grid_dim` are the channels of the grid before the tower's last stage, `hidden_dim` those of the
    embedding: the mean of the tower's output. A linear classifier over the embedding knows
    `num_concepts` concepts, whose names have at most `concept_name_length` words; the
    `num_concept_tokens` likeliest are read.
    """

    model_type = "imgcap-grid-encoder"

    hidden_size: int = 256
    intermediate_size: int = 1024
    num_attention_heads: int = 8
    num_mixing_layers: int = 1
    grid_dim: int = 320
    num_concepts: int = 1000
    num_concept_tokens: int = 5
    concept_name_length: int = 8
    layer_norm_eps: float = 1e-5
    attention_dropout: float | int = 0.0


class GridCaptionerConfig(BlipConfig):
    """BLIP's configuration with the grid encoder in place of the vision transformer."""

    model_type = "imgcap-grid-captioner"
    sub_configs_defaults = {  # noqa: RUF012  # the base class declares it so
        "text_config": BlipTextConfig,
        "vision_config": GridEncoderConfig,
    }


class GridEncoder(nn.Module):
    """Turn pixels into the tokens that the decoder attends to.

    The likeliest concepts come first, then a token of the whole picture, then the cells of the
    grid in reading order. A concept's token is the mean of the decoder's own embeddings of its
    name, which lets the decoder copy a name that hardly occurs in captions.
    """

    embed_words: Callable[[Tensor], Tensor]
    """The decoder's word embedding, given by the model that both are part of."""

    def __init__(self, config: GridEncoderConfig) -> None:
        super().__init__()
        self.config = config
        width, concepts = config.hidden_size, config.num_concepts
        cells = (int(config.image_size) // 32) ** 2
        self.tower = AlignVisionModel(config)
        self.concept_logits = nn.Linear(config.hidden_dim, concepts)
        self.concept_words: Tensor
        words = torch.zeros(concepts, config.concept_name_length, dtype=torch.long)
        self.register_buffer("concept_words", words)
        self.concept_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.concept_kind = nn.Parameter(torch.zeros(width))
        self.belief = nn.Linear(1, width)
        self.summary = nn.Linear(config.hidden_dim, width)
        self.cell = nn.Linear(config.grid_dim, width)
        self.cell_norm = nn.LayerNorm(width, eps=config.layer_norm_eps)
        self.position_embedding = nn.Parameter(torch.zeros(1, 1 + cells, width))
        self.layers = nn.ModuleList(
            BlipEncoderLayer(config) for _ in range(config.num_mixing_layers)
        )
        self.norm = nn.LayerNorm(width, eps=config.layer_norm_eps)

    def forward(self, pixel_values: Tensor, **_: object) -> BaseModelOutput:
        """Encode `(n, 3, size, size)` pixels as `(n, tokens, hidden_size)` tokens."""
        grid, cells = self.see(pixel_values)
        return BaseModelOutput(self.tokens(grid, cells.mean(1)))

    def see(self, pixel_values: Tensor) -> tuple[Tensor, Tensor]:
        """Return the `(n, cells, grid_dim)` grid and the cells whose mean is the embedding.

        These are `(n, cells, hidden_dim)`.
        """
        pixels = pixel_values.to(self.position_embedding.dtype)
        seen = self.tower(pixel_values=pixels, output_hidden_states=True)
        grid, cells = seen.hidden_states[-2], seen.last_hidden_state
        return grid.flatten(2).transpose(1, 2), cells.flatten(2).transpose(1, 2)

    def tokens(self, grid: Tensor, embedding: Tensor) -> Tensor:
        """Turn what was seen into the tokens that the decoder attends to."""
        picture = self.mix(self.picture(grid, embedding))
        return torch.cat([self.concepts(*self.likeliest(embedding)), picture], 1)

    def likeliest(self, embedding: Tensor) -> tuple[Tensor, Tensor]:
        """Return probabilities and indices of concepts, both `(n, num_concept_tokens)`."""
        probabilities = self.concept_logits(embedding).float().softmax(-1)
        best = probabilities.topk(self.config.num_concept_tokens)
        return best.values.to(embedding.dtype), best.indices

    def concepts(self, probabilities: Tensor, indices: Tensor) -> Tensor:
        """Embed concepts: the words of their names, and how likely each is."""
        words = self.concept_words[indices]
        known = (words != 0).unsqueeze(-1)
        names = (self.embed_words(words) * known).sum(2) / known.sum(2).clamp(min=1)
        logs = probabilities.clamp(min=1e-4).log().unsqueeze(-1)
        tokens: Tensor = self.concept_norm(4 * names) + self.belief(logs / 4) + self.concept_kind
        return tokens

    def picture(self, grid: Tensor, embedding: Tensor) -> Tensor:
        """Embed the `(n, cells, grid_dim)` grid and the picture's embedding."""
        summary = F.layer_norm(self.summary(embedding), (self.config.hidden_size,))
        cells = self.cell_norm(self.cell(grid))
        return torch.cat([summary.unsqueeze(1), cells], 1) + self.position_embedding

    def mix(self, tokens: Tensor) -> Tensor:
        """Let the picture's tokens see each other."""
        for layer in self.layers:
            tokens = layer(tokens)
        mixed: Tensor = self.norm(tokens)
        return mixed


class GridCaptioner(BlipForConditionalGeneration):
    """BLIP's captioning model over `GridEncoder`; `forward` and `generate` are BLIP's own."""

    config_class = GridCaptionerConfig

    def __init__(self, config: GridCaptionerConfig) -> None:
        BlipPreTrainedModel.__init__(self, config)
        self.vision_model = GridEncoder(config.vision_config)
        self.text_decoder = BlipTextLMHeadModel(config.text_config)
        self.vision_model.embed_words = self._embed_words
        self.decoder_input_ids = config.text_config.bos_token_id
        self.decoder_pad_token_id = config.text_config.pad_token_id
        self.post_init()

    def _embed_words(self, ids: Tensor) -> Tensor:
        embedded: Tensor = self.text_decoder.bert.embeddings.word_embeddings(ids)
        return embedded


AutoConfig.register(GridCaptionerConfig.model_type, GridCaptionerConfig, exist_ok=True)
AutoModelForImageTextToText.register(GridCaptionerConfig, GridCaptioner, exist_ok=True)
