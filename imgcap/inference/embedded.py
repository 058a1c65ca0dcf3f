"""The embedded captioner: BLIP's text decoder reading the grid of an EfficientNet-Lite tower.

Importing this module registers the architecture, so that ``AutoConfig`` and
``AutoModelForImageTextToText`` load its ordinary ``save_pretrained`` folder without remote code.
"""

import torch
from torch import Tensor, nn
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
    """An ALIGN vision tower whose grid is read by a few transformer layers.

    The tower's first `hidden_size` output channels become a token for each cell; each further
    `hidden_size` channels of its `hidden_dim` are averaged over the grid into a summary token.
    """

    model_type = "imgcap-grid-encoder"

    hidden_size: int = 256
    intermediate_size: int = 1024
    num_attention_heads: int = 8
    num_mixing_layers: int = 1
    num_summary_tokens: int = 0
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

    The first token is the mean of the cells; summary tokens and the cells in reading order follow.
    """

    def __init__(self, config: GridEncoderConfig) -> None:
        super().__init__()
        self.summaries = config.num_summary_tokens
        self.width = config.hidden_size
        tokens = 1 + self.summaries + (int(config.image_size) // 32) ** 2
        self.tower = AlignVisionModel(config)
        self.position_embedding = nn.Parameter(torch.zeros(1, tokens, self.width))
        self.layers = nn.ModuleList(
            BlipEncoderLayer(config) for _ in range(config.num_mixing_layers)
        )
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, pixel_values: Tensor, **_: object) -> BaseModelOutput:
        """Encode `(n, 3, size, size)` pixels as `(n, tokens, hidden_size)` tokens."""
        pixels = pixel_values.to(self.position_embedding.dtype)
        grid = self.tower(pixel_values=pixels).last_hidden_state
        return BaseModelOutput(self.mix(self.tokens(grid)))

    def tokens(self, grid: Tensor) -> Tensor:
        """Turn a `(n, hidden_dim, rows, columns)` grid into `(n, tokens, hidden_size)`."""
        channels = grid.flatten(2).transpose(1, 2)
        cells = channels[:, :, : self.width]
        summary = channels[:, :, self.width :].mean(1).view(len(grid), self.summaries, self.width)
        return torch.cat([cells.mean(1, keepdim=True), summary, cells], 1) + self.position_embedding

    def mix(self, tokens: Tensor) -> Tensor:
        """Let the tokens see each other."""
        for layer in self.layers:
            tokens = layer(tokens)
        return self.norm(tokens)


class GridCaptioner(BlipForConditionalGeneration):
    """BLIP's captioning model over `GridEncoder`; `forward` and `generate` are BLIP's own."""

    config_class = GridCaptionerConfig

    def __init__(self, config: GridCaptionerConfig) -> None:
        BlipPreTrainedModel.__init__(self, config)
        self.vision_model = GridEncoder(config.vision_config)
        self.text_decoder = BlipTextLMHeadModel(config.text_config)
        self.decoder_input_ids = config.text_config.bos_token_id
        self.decoder_pad_token_id = config.text_config.pad_token_id
        self.post_init()


AutoConfig.register(GridCaptionerConfig.model_type, GridCaptionerConfig, exist_ok=True)
AutoModelForImageTextToText.register(GridCaptionerConfig, GridCaptioner, exist_ok=True)
