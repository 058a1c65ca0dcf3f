"""Builds tiny checkpoint folders of every supported architecture, with random weights."""

from pathlib import Path
from typing import Any

import numpy as np
import transformers
from PIL import Image
from transformers.utils import logging as transformers_logging

from imgcap.inference import open_engine
from imgcap.inference.local import LocalEngine
from imgcap.settings import Settings
from tests.seed_models import bert_tokenizer, build_blip, build_clip, save_weights

__all__ = ["build_blip", "build_clip"]  # built by name, as those below are

transformers_logging.disable_progress_bar()
transformers_logging.set_verbosity_error()


def pictures(count: int = 3) -> list[Image.Image]:
    """Return distinct noisy gradients of several sizes."""
    sizes = [(64, 48), (50, 80), (120, 120), (33, 47), (90, 30)]
    rng = np.random.default_rng(7)
    made = []
    for index in range(count):
        width, height = sizes[index % len(sizes)]
        ramp = np.linspace(0, 160, width)[None, :, None] * rng.random(3)
        noise = rng.integers(0, 96, (height, width, 3))
        made.append(Image.fromarray((ramp + noise).astype(np.uint8)))
    return made


def engine_for(folder: Path, role: str = "classifier", dtype: str = "float32") -> LocalEngine:
    """Return an engine that one checkpoint answers for."""
    engine = open_engine(Settings(**{role: str(folder)}, dtype=dtype, device="cpu"))
    assert isinstance(engine, LocalEngine)
    return engine


def build_git(folder: Path) -> Path:
    """Write a tiny GIT captioner."""
    small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    small |= {"num_hidden_layers": 2, "initializer_range": 0.3}
    config = transformers.GitConfig(
        vision_config={**small, "image_size": 32, "patch_size": 16}, vocab_size=30_522, **small
    )
    config.bos_token_id, config.eos_token_id = 101, 102
    config.save_pretrained(folder)
    processor = transformers.GitProcessor(
        transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32),
        bert_tokenizer(),
    )
    processor.save_pretrained(folder)
    return save_weights(folder, transformers.GitForCausalLM)


def build_siglip(folder: Path) -> Path:
    """Write a tiny SigLIP with a sentencepiece vocabulary of its own."""
    import sentencepiece

    folder.mkdir(parents=True, exist_ok=True)
    corpus = ["a photo of a cat", "dog", "bird", "person", "car", "landscape", "nature", "food"]
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus * 20),
        model_prefix=str(folder / "spiece"),
        vocab_size=60,
        hard_vocab_limit=False,
        eos_id=1,
        unk_id=2,
        bos_id=-1,
        minloglevel=2,
    )
    (folder / "spiece.vocab").unlink()
    tokenizer = transformers.SiglipTokenizer(str(folder / "spiece.model"), model_max_length=64)
    processor = transformers.SiglipProcessor(
        transformers.SiglipImageProcessorPil(size={"height": 32, "width": 32}), tokenizer
    )
    processor.save_pretrained(folder)
    small = _tiny_towers()
    config = transformers.SiglipConfig(
        text_config={**small, "vocab_size": 64, "max_position_embeddings": 64},
        vision_config={**small, "image_size": 32, "patch_size": 16},
    )
    config.save_pretrained(folder)
    return save_weights(folder, transformers.SiglipModel, logit_scale=2.3, logit_bias=-3.0)


def build_siglip2(folder: Path) -> Path:
    """Write a tiny SigLIP 2 of the kind that keeps a picture's aspect ratio."""
    letters = "▁abcdefghijklmnopqrstuvwxyz"
    vocabulary = {"<pad>": 0, "<eos>": 1, "<bos>": 2, "<unk>": 3, "<mask>": 4}
    vocabulary |= {letter: 5 + index for index, letter in enumerate(letters)}
    tokenizer = transformers.Siglip2Tokenizer(vocab=vocabulary, merges=[], model_max_length=64)
    processor = transformers.Siglip2Processor(
        transformers.Siglip2ImageProcessorPil(patch_size=16, max_num_patches=16), tokenizer
    )
    processor.save_pretrained(folder)
    small = _tiny_towers()
    config = transformers.Siglip2Config(
        text_config={**small, "vocab_size": 64, "max_position_embeddings": 64},
        vision_config={**small, "num_patches": 16, "patch_size": 16},
    )
    config.save_pretrained(folder)
    return save_weights(folder, transformers.Siglip2Model, logit_scale=2.3, logit_bias=-3.0)


def build_metaclip2(folder: Path) -> Path:
    """Write a tiny MetaCLIP 2 with a unigram vocabulary of letters."""
    pieces = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
    pieces += [(letter, -3.0) for letter in "▁abcdefghijklmnopqrstuvwxyzäß"]
    pieces += [("<mask>", 0.0)]
    tokenizer = transformers.XLMRobertaTokenizer(vocab=pieces, model_max_length=77)
    processor = transformers.CLIPProcessor(
        transformers.CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=32), tokenizer
    )
    processor.save_pretrained(folder)
    small = _tiny_towers()
    config = transformers.MetaClip2Config(
        text_config={**small, "vocab_size": 64, "eos_token_id": 2},
        vision_config={**small, "image_size": 32, "patch_size": 16},
        projection_dim=24,
    )
    config.save_pretrained(folder)
    return save_weights(folder, transformers.MetaClip2Model)


def build_align(folder: Path) -> Path:
    """Write a tiny ALIGN, the architecture of the embedded classifier."""
    processor = transformers.AlignProcessor(
        transformers.EfficientNetImageProcessorPil(size={"height": 64, "width": 64}),
        bert_tokenizer(),
    )
    processor.save_pretrained(folder)
    config = transformers.AlignConfig(
        text_config={**_tiny_towers(), "vocab_size": 30_522},
        vision_config=tiny_efficientnet(),
        projection_dim=32,
        temperature_init_value=0.07,
    )
    config.save_pretrained(folder)
    return save_weights(folder, transformers.AlignModel)


def build_grid_captioner(folder: Path) -> Path:
    """Write a tiny captioner of the embedded architecture."""
    from imgcap.inference.embedded import GridCaptioner, GridCaptionerConfig

    tower = tiny_efficientnet()
    small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
    text = {**small, "vocab_size": 30_524, "bos_token_id": 30_522, "eos_token_id": 2}
    text |= {"pad_token_id": 0, "sep_token_id": 102, "encoder_hidden_size": 32}
    text |= {"num_hidden_layers": 2, "initializer_range": 0.3, "max_position_embeddings": 64}
    # One more stage, which keeps the size of the grid: the grid before it is read.
    tower |= {name: [*tower[name], 1] for name in ("strides", "num_block_repeats", "expand_ratios")}
    tower |= {"kernel_sizes": [3] * 5, "in_channels": [32, 16, 24, 24, 24]}
    tower |= {"out_channels": [16, 24, 24, 24, 32]}
    concepts = {"grid_dim": 24, "num_concepts": 10, "num_concept_tokens": 3}
    config = GridCaptionerConfig(text_config=text, vision_config={**tower, **small, **concepts})
    config.save_pretrained(folder)
    processor = transformers.BlipProcessor(
        transformers.BlipImageProcessorPil(size={"height": 64, "width": 64}), bert_tokenizer()
    )
    processor.save_pretrained(folder)
    return save_weights(folder, GridCaptioner)


def tiny_efficientnet() -> dict[str, Any]:
    """Return an EfficientNet of two stages whose grid is 2 x 2 for 64-pixel pictures."""
    return {
        "image_size": 64,
        "width_coefficient": 1.0,
        "depth_coefficient": 1.0,
        "kernel_sizes": [3, 3, 3, 3],
        "in_channels": [32, 16, 24, 24],
        "out_channels": [16, 24, 24, 32],
        "depthwise_padding": [],
        "strides": [2, 2, 2, 2],
        "num_block_repeats": [1, 1, 1, 1],
        "expand_ratios": [1, 2, 2, 2],
        "hidden_dim": 32,
        "initializer_range": 0.3,
    }


def fill_hub_cache(cache: Path, hub_id: str, folder: Path, revision: str) -> Path:
    """Lay a checkpoint folder out as huggingface_hub does: blobs, snapshots and a main ref."""
    repository = cache / f"models--{hub_id.replace('/', '--')}"
    snapshot = repository / "snapshots" / revision
    for part in ("blobs", "refs"):
        (repository / part).mkdir(parents=True, exist_ok=True)
    snapshot.mkdir(parents=True)
    (repository / "refs" / "main").write_text(revision)
    for file in folder.iterdir():
        blob = repository / "blobs" / f"{abs(hash(file.name)):040x}"
        blob.write_bytes(file.read_bytes())
        (snapshot / file.name).symlink_to(Path("../..") / "blobs" / blob.name)
    return snapshot


def _tiny_towers() -> dict[str, Any]:
    return {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
    }
