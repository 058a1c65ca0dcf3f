"""Turn trained weights into two ordinary `save_pretrained` folders, in float16."""

import argparse
import json
import string
from collections import Counter
from pathlib import Path

import torch
from heads import DIMENSION
from phrases import TAGS, class_texts
from pictures import LABELLED, read_set
from texts import MINILM, names_of, text_config
from torch import Tensor
from tower import build_tower, vision_config
from trainee import build_model
from transformers import (
    AlignConfig,
    AlignModel,
    AlignProcessor,
    AutoTokenizer,
    BlipProcessor,
    GenerationConfig,
    PreTrainedTokenizerFast,
)
from transformers.models.efficientnet.image_processing_pil_efficientnet import (
    EfficientNetImageProcessorPil,
)

CLASSIFIER, CAPTIONER = "imgcap-align-small", "imgcap-captioner-small"
SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def image_processor() -> EfficientNetImageProcessorPil:
    """Squash to 224 x 224 and scale to [-1, 1], as the towers were trained."""
    return EfficientNetImageProcessorPil(
        size={"height": 224, "width": 224},
        resample=3,
        do_center_crop=False,
        image_mean=[127 / 255] * 3,
        image_std=[128 / 255] * 3,
        include_top=False,
    )


def corpus(pictures: Path, labels: Path) -> list[str]:
    """All texts whose words the smaller vocabulary must keep whole."""
    texts = [*TAGS]
    for item in read_set(pictures, "flickr8k"):
        texts += item.captions if item.part == "train" else ()
    for name in LABELLED:
        items = read_set(pictures, name)
        for i, item in enumerate(items):
            texts += [*names_of(item), *class_texts(item, i)]
    for path in sorted(labels.glob("*.txt")):
        texts += path.read_text(encoding="utf-8").splitlines()
    return texts


def prune_vocabulary(texts: list[str], size: int) -> tuple[PreTrainedTokenizerFast, Tensor]:
    """Keep the tokens that `texts` use twice, all characters, and then the commonest words.

    Returns the tokenizer and the kept rows of the embedding, in the new order.
    """
    tokenizer = AutoTokenizer.from_pretrained(MINILM)
    vocabulary = tokenizer.get_vocab()
    counts = Counter(i for ids in tokenizer(texts, add_special_tokens=False).input_ids for i in ids)
    used = {i for i, count in counts.items() if count > 1}
    characters = string.ascii_lowercase + string.digits + string.punctuation
    always = [*SPECIAL, *characters, *(f"##{c}" for c in string.ascii_lowercase + string.digits)]
    keep = used | {vocabulary[token] for token in always if token in vocabulary}
    for token, i in sorted(vocabulary.items(), key=lambda pair: pair[1]):
        if len(keep) >= size:
            break
        if token.removeprefix("##").isascii() and token.removeprefix("##").isalpha():
            keep.add(i)
    rows = sorted(keep)
    names = {i: token for token, i in vocabulary.items()}
    state = json.loads(tokenizer.backend_tokenizer.to_str())
    state["model"]["vocab"] = {names[i]: new for new, i in enumerate(rows)}
    new_id = {names[i]: new for new, i in enumerate(rows)}
    for token in state["added_tokens"]:
        token["id"] = new_id[token["content"]]
    for token in state["post_processor"].get("special_tokens", {}).values():
        token["ids"] = [new_id[name] for name in token["tokens"]]
    for name in ("sep", "cls"):
        if name in state["post_processor"]:
            state["post_processor"][name][1] = new_id[state["post_processor"][name][0]]
    backend = type(tokenizer.backend_tokenizer).from_str(json.dumps(state))
    backend.no_padding()
    backend.no_truncation()
    pruned = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="[PAD]",
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=64,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    return pruned, torch.tensor(rows)


def vision_weights(image: dict[str, Tensor], variant: str) -> dict[str, Tensor]:
    """Put a trained `ImageHead` into the tower, its standardisation folded into the projection."""
    tower = build_tower(variant, DIMENSION)
    state, last = tower.state_dict(), f"encoder.blocks.{len(tower.encoder.blocks) - 1}"
    weight = image["project.weight"] / image["std"]
    state[f"{last}.expansion.expand_conv.weight"] = image["expand"][:, :, None, None]
    state[f"{last}.projection.project_conv.weight"] = weight[:, :, None, None]
    state[f"{last}.projection.project_bn.bias"] = image["project.bias"] - weight @ image["mean"]
    return state


def export_classifier(
    trained: dict, variant: str, texts: list[str], size: int, temperature: float, out: Path
) -> None:
    """Write the ALIGN model and its processor; `trained` has `text`, and `vision` or `image`."""
    text = trained["text"]
    tokenizer, rows = prune_vocabulary(texts, size)
    layers = 1 + max(int(n.split(".")[3]) for n in text if n.startswith("tower.encoder.layer."))
    model = AlignModel(
        AlignConfig(
            text_config=text_config(len(rows), layers).to_dict(),
            vision_config=vision_config(variant, DIMENSION).to_dict(),
            projection_dim=DIMENSION,
            temperature_init_value=temperature,
        )
    ).eval()
    model.vision_model.load_state_dict(
        trained["vision"] if "vision" in trained else vision_weights(trained["image"], variant)
    )
    tower = {n.removeprefix("tower."): t for n, t in text.items() if n.startswith("tower.")}
    words = "embeddings.word_embeddings.weight"
    tower[words] = tower[words][rows]
    model.text_model.load_state_dict(tower)
    model.text_projection.weight.data.copy_(text["project.weight"])
    model.text_projection.bias.data.copy_(text["project.bias"])
    model.temperature.data.fill_(temperature)
    folder = out / CLASSIFIER
    model.half().save_pretrained(folder)
    AlignProcessor(image_processor(), tokenizer).save_pretrained(folder)


def export_captioner(trained: Path, variant: str, out: Path) -> None:
    """Write the captioner and its processor."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(trained.parent)
    model = build_model(variant, len(tokenizer)).eval()
    model.load_state_dict(torch.load(trained, weights_only=True))
    model.generation_config = GenerationConfig(
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
        max_new_tokens=24,
        num_beams=3,
        no_repeat_ngram_size=3,
    )
    # Only whole words are ever said: padding, unknown, start and letter pieces are out of reach.
    silent = [i for token, i in tokenizer.get_vocab().items() if token.startswith("##")]
    model.text_decoder.cls.predictions.bias.data[[0, 1, 2, *silent]] = -1e4
    folder = out / CAPTIONER
    model.half().save_pretrained(folder)
    BlipProcessor(image_processor(), tokenizer).save_pretrained(folder)


def main() -> None:
    """Write both folders, or the one whose weights are given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", default="lite2")
    parser.add_argument("--classifier", type=Path)
    parser.add_argument("--captioner", type=Path)
    parser.add_argument("--vocabulary", type=int, default=6000)
    parser.add_argument("--temperature", type=float, default=0.03)
    args = parser.parse_args()
    root = Path(__file__).resolve().parent.parent
    if args.classifier:
        trained = torch.load(args.classifier, weights_only=True)
        texts = corpus(args.cache / "pictures", root / "data" / "labels")
        export_classifier(trained, args.variant, texts, args.vocabulary, args.temperature, args.out)
    if args.captioner:
        export_captioner(args.captioner, args.variant, args.out)


if __name__ == "__main__":
    main()
