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

    The tower's output channels (`hidden_dim`) are the width of those layers, `hidden_size`.
    """

    model_type = "imgcap-grid-encoder"

    hidden_size: int = 256
    intermediate_size: int = 1024
    num_attention_heads: int = 8
    num_mixing_layers: int = 1
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

    The first token is the mean of the grid, the others its cells in reading order.
    """

    def __init__(self, config: GridEncoderConfig) -> None:
        super().__init__()
        cells = (int(config.image_size) // 32) ** 2
        self.tower = AlignVisionModel(config)
        self.position_embedding = nn.Parameter(torch.zeros(1, 1 + cells, config.hidden_size))
        self.layers = nn.ModuleList(
            BlipEncoderLayer(config) for _ in range(config.num_mixing_layers)
        )
        self.norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, pixel_values: Tensor, **_: object) -> BaseModelOutput:
        """Encode `(n, 3, size, size)` pixels as `(n, 1 + cells, hidden_size)` tokens."""
        pixels = pixel_values.to(self.position_embedding.dtype)
        return BaseModelOutput(self.mix(self.tower(pixel_values=pixels).last_hidden_state))

    def mix(self, grid: Tensor) -> Tensor:
        """Turn the tower's `(n, hidden_size, rows, columns)` grid into tokens."""
        cells = grid.flatten(2).transpose(1, 2)
        tokens = torch.cat([cells.mean(1, keepdim=True), cells], dim=1) + self.position_embedding
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
