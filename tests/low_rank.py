"""Makes low-rank adapters of peft's with random weights, kept as if they had been learned."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import peft
import torch
from torch import nn

from imgcap.inference.adapter import Adapter, AdapterCard
from imgcap.inference.events import Role
from imgcap.inference.loading import Loader
from imgcap.learning.registry import keep_adapter, new_id
from imgcap.settings import Settings

ENDINGS = ("q_proj", "v_proj", ".query", ".value")


def low_rank_files(model: Any, folder: Path, seed: int = 0) -> Path:
    """Write peft's files for a model, whose attention they change a good deal."""
    names = [
        name
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear) and name.endswith(ENDINGS)
    ]
    config = peft.LoraConfig(r=2, lora_alpha=2, target_modules=names)
    adapted = peft.get_peft_model(model, config)
    torch.manual_seed(seed)
    for name, weights in adapted.named_parameters():
        if "lora_" in name:
            nn.init.normal_(weights, std=0.5)
    config.base_model_name_or_path = "some/checkpoint"
    adapted.save_pretrained(str(folder), save_embedding_layers=False)
    adapted.unload()
    return folder


def kept_low_rank(settings: Settings, role: Role, folder: Path, seed: int = 0) -> AdapterCard:
    """Keep an adapter for the checkpoint that the settings name; its files are made in a folder."""
    loaded = Loader(role, settings, lambda _: None).get()
    card = AdapterCard(
        id=new_id("lora"),
        kind="lora",
        role=role,
        checkpoint=loaded.name,
        revision=loaded.commit,
        labels=(),
        records=(),
        passed=True,
        sentence="Because.",
        figures={},
        time=datetime.now(UTC),
    )
    files = low_rank_files(loaded.model, folder / card.id, seed)
    keep_adapter(settings.adapters, Adapter(card, lora=files))
    return card
