"""Train the embedded captioner: cross-entropy on captions, then CIDEr itself (self-critical).

The tower is frozen but for its last projection; its cached grids are the input. Self-critical
training follows Rennie et al., "Self-critical sequence training for image captioning" (2017), with
the other samples of a picture as the baseline (Kool et al., "Buy 4 REINFORCE samples, get a
baseline for free!", 2019).
"""

import argparse
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from caption_data import Data
from cider import CiderD
from torch import Tensor
from torch.nn import functional as F
from tower import build_tower, reference_weights, vision_config

from imgcap.inference.embedded import GridCaptioner, GridCaptionerConfig

WIDTH, LAYERS, HEADS = 256, 3, 8
SUMMARY_SCALE = 4.0
KEPT_CELLS = 33
CRITICAL_RATE = 4e-5
TEMPERATURE = 0.5  # of the policy: label smoothing leaves a random word in most longer samples
PICTURES = 40  # of Flickr8k in a step of cross-entropy, each with its five captions


def build_model(variant: str, vocabulary: int) -> GridCaptioner:
    """Build the captioner with the published tower and everything else at random."""
    vision = vision_config(variant, 2 * WIDTH).to_dict() | {
        "model_type": "imgcap-grid-encoder",
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_attention_heads": HEADS,
        "attention_dropout": 0.1,
        "num_summary_tokens": 1,
    }
    text = {
        "vocab_size": vocabulary,
        "hidden_size": WIDTH,
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
    model.vision_model.tower.load_state_dict(build_tower(variant, 2 * WIDTH).state_dict())
    summarise_classes(head(model).projection, reference_weights(variant)["_fc.weight"])
    torch.nn.init.normal_(model.vision_model.position_embedding, std=0.02)
    model.requires_grad_(True)
    model.vision_model.tower.requires_grad_(False)
    head(model).projection.requires_grad_(True)
    return model


@torch.no_grad()
def summarise_classes(projection: torch.nn.Module, classes: Tensor) -> None:
    """Let the summary token begin as what ImageNet's 1,000 classes see, in its best 256 directions.

    One picture a class does not teach a decoder to tell a cup from a crab; the published
    classifier could, and its singular vectors carry that over.
    """
    _, values, directions = torch.linalg.svd(classes, full_matrices=False)
    scaled = values[:WIDTH, None] * directions[:WIDTH]
    weight = projection.project_conv.weight
    weight[WIDTH:] = 0.0
    weight[WIDTH:, : scaled.shape[1], 0, 0] = scaled * (SUMMARY_SCALE / values[0])


def head(model: GridCaptioner) -> torch.nn.Module:
    """Return the tower's eighth stage: Lite's head convolution and the projection."""
    return model.vision_model.tower.encoder.blocks[-1]


def training_mode(model: GridCaptioner) -> None:
    """Dropout on, batch norms of the frozen tower left as published."""
    model.train()
    model.vision_model.tower.eval()


def encode(model: GridCaptioner, grids: Tensor, rng: np.random.Generator | None = None) -> Tensor:
    """Turn cached grids (n, 7, 7, channels) into the tokens the decoder reads.

    With `rng` as in training: channels and a third of the cells are dropped, since six thousand
    pictures are soon learned by heart.
    """
    block, vision = head(model), model.vision_model
    with torch.no_grad():
        hidden = block.expansion(grids.permute(0, 3, 1, 2).float())
    if rng is not None:
        hidden = F.dropout(hidden, 0.2)
    tokens = vision.tokens(block.projection(hidden, hidden))
    if rng is not None:
        first = tokens.shape[1] - 49
        cells = first + np.sort(rng.choice(49, KEPT_CELLS, replace=False))
        tokens = tokens[:, np.concatenate([np.arange(first), cells])]
    return F.dropout(vision.mix(tokens), 0.1, training=rng is not None)


def next_words(model: GridCaptioner, tokens: Tensor, ids: Tensor, labels: Tensor):
    """Logits (k, words) and targets (k,) of the k next tokens asked for, and their rows' numbers.

    The vocabulary is by far the widest layer: only positions with a target are put through it.
    """
    hidden = model.text_decoder.bert(
        input_ids=ids,
        attention_mask=(ids != 0).long(),
        encoder_hidden_states=tokens,
        is_decoder=True,
        use_cache=False,
    ).last_hidden_state[:, :-1]
    asked = labels[:, 1:] != -100
    return (
        model.text_decoder.cls(hidden[asked]).float(),
        labels[:, 1:][asked],
        asked.nonzero()[:, 0],
    )


def cross_entropy_step(model, data: Data, rng, flickr: list[int], labelled: int) -> Tensor:
    """Label-smoothed cross-entropy of one batch."""
    grids, owner, captions, _ = data.batch(rng, flickr, labelled)
    ids, labels = data.pad(captions)
    with torch.autocast("cpu", torch.bfloat16):
        logits, targets, _ = next_words(model, encode(model, grids, rng)[owner], ids, labels)
    return F.cross_entropy(logits, targets, label_smoothing=0.1)


@torch.inference_mode()
def generate(model: GridCaptioner, data: Data, tokens: Tensor, **options) -> list[list[str]]:
    """Decode captions (lists of words) for encoded pictures."""
    start = torch.full((len(tokens), 1), 2)
    out = model.text_decoder.generate(
        input_ids=start,
        attention_mask=torch.ones_like(start),
        encoder_hidden_states=tokens,
        max_new_tokens=24,
        eos_token_id=3,
        pad_token_id=0,
        suppress_tokens=[0, 1, 2],
        **options,
    )
    return [text.split() for text in data.tokenizer.batch_decode(out, skip_special_tokens=True)]


def self_critical_step(
    model, data: Data, rng, flickr: list[int], labelled: int, cider: CiderD, samples: int = 5
) -> tuple[Tensor, float]:
    """REINFORCE on CIDEr-D, plus a little cross-entropy on the labelled pictures' phrases."""
    grids, owner, captions, asked = data.batch(rng, flickr, labelled)
    model.eval()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        tokens = encode(model, grids[: len(flickr)]).float().repeat_interleave(samples, 0)
        sampled = generate(
            model,
            data,
            tokens.bfloat16().float(),
            do_sample=True,
            temperature=TEMPERATURE,
            top_k=0,
            num_beams=1,
        )
    scores = np.array(
        [cider.score(caption, flickr[i // samples]) for i, caption in enumerate(sampled)]
    ).reshape(-1, samples)
    baseline = (scores.sum(1, keepdims=True) - scores) / (samples - 1)
    advantage = torch.from_numpy((scores - baseline).reshape(-1)).float()
    with torch.autocast("cpu", torch.bfloat16):
        encoded = encode(model, grids)
        mine = encoded[: len(flickr)].repeat_interleave(samples, 0)
        logits, targets, rows = next_words(model, mine, *data.pad(sampled))
        kept = slice(asked, None)
        named, names, _ = next_words(model, encoded[owner[kept]], *data.pad(captions[kept]))
    losses = F.cross_entropy(logits / TEMPERATURE, targets, reduction="none")
    loss = (losses * advantage[rows]).mean()
    return loss + 0.1 * F.cross_entropy(named, names), float(scores.mean())


@torch.inference_mode()
def evaluate(
    model: GridCaptioner, data: Data, cider: CiderD, rows: list[int], beams: int = 3
) -> float:
    """Mean CIDEr-D over `rows` of Flickr8k."""
    model.eval()
    captions = []
    for start in range(0, len(rows), 50):
        chunk = rows[start : start + 50]
        grids = torch.from_numpy(np.stack([data.grids["flickr8k"][i] for i in chunk]))
        captions += generate(model, data, encode(model, grids), num_beams=beams)
    return float(np.mean([cider.score(c, i) for c, i in zip(captions, rows, strict=True)]))


def train_cross_entropy(
    model: GridCaptioner, data: Data, rng: np.random.Generator, epochs: int, rate: float
) -> Iterator[tuple[str, float]]:
    """Yield a name and the mean loss after each epoch."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=1e-3, weight_decay=0.05, betas=(0.9, 0.98))
    steps = len(data.train) // PICTURES
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 9e-4 * rate, total_steps=epochs * steps + 1, pct_start=0.08
    )
    for epoch in range(epochs):
        training_mode(model)
        order = rng.permutation(data.train)
        losses = []
        for step in range(steps):
            chunk = order[step * PICTURES : (step + 1) * PICTURES].tolist()
            loss = cross_entropy_step(model, data, rng, chunk, labelled=32)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(trainable, 1.0)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        yield f"cross-entropy {epoch + 1}", float(np.mean(losses))


def train_self_critical(
    model: GridCaptioner, data: Data, rng: np.random.Generator, epochs: float
) -> Iterator[tuple[str, float]]:
    """Yield a name and the mean reward every 75 steps and at the end."""
    cider = CiderD({i: data.captions[i] for i in data.train})
    trainable = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trainable, lr=CRITICAL_RATE, weight_decay=0.0)
    steps, rewards = int(epochs * len(data.train) / 40), []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = CRITICAL_RATE * min(1.0, (step + 1) / 30) * (1 - 0.8 * step / steps)
        chunk = rng.choice(data.train, 40, replace=False).tolist()
        loss, reward = self_critical_step(model, data, rng, chunk, 16, cider)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trainable, 0.5)
        optimizer.step()
        rewards.append(reward)
        if (step + 1) % 75 == 0 or step + 1 == steps:
            yield f"self-critical {step + 1} of {steps}", float(np.mean(rewards[-75:]))


def main() -> None:
    """Train from the cache and leave the weights and the tokenizer in `out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", default="lite2")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--critical-epochs", type=float, default=4)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--rate", type=float, default=1.0, help="factor of the learning rates")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    rng = np.random.default_rng(0)
    data = Data(args.cache, args.variant)
    model = build_model(args.variant, len(data.tokenizer))
    args.out.mkdir(parents=True, exist_ok=True)
    data.tokenizer.save_pretrained(args.out)
    dev_cider = CiderD({i: data.captions[i] for i in data.dev})
    began = time.time()

    def report(stage: str, value: float, file: str) -> None:
        torch.save(model.state_dict(), args.out / file)
        cider = evaluate(model, data, dev_cider, data.dev[:500])
        figures = {"value": value, "dev_cider_500": cider, "minutes": (time.time() - began) / 60}
        rounded = {name: round(figure, 4) for name, figure in figures.items()}
        print(json.dumps({"stage": stage} | rounded), flush=True)

    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True))
    if args.epochs:
        for stage, loss in train_cross_entropy(model, data, rng, args.epochs, args.rate):
            report(stage, loss, "cross-entropy.pt")
    for stage, reward in train_self_critical(model, data, rng, args.critical_epochs):
        report(stage, reward, "self-critical.pt")


if __name__ == "__main__":
    main()
