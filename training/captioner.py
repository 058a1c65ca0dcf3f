"""Train the embedded captioner: cross-entropy on captions, then CIDEr itself (self-critical).

The tower and its classifier are the published ones and stay as they are; what they saw of each
picture is cached. Self-critical training follows Rennie et al., "Self-critical sequence training
for image captioning" (2017), with the other samples of a picture as the baseline (Kool et al.,
"Buy 4 REINFORCE samples, get a baseline for free!", 2019).
"""

import argparse
import copy
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from caption_data import Batch, Data, caption_words
from concepts import Concepts, Embedder, read_concepts
from torch import Tensor, nn
from torch.nn import functional as F
from trainee import Trainee, build_model, next_words, put_published

from imgcap.learning.captions.cider import CiderD

PICTURES = 128  # of Flickr8k in a step of cross-entropy
PRETENDED = 16
CRITICAL_PICTURES = 40
SAMPLES = 5
CRITICAL_RATE = 2.5e-5
IMITATION = 0.2  # share of cross-entropy in self-critical training
TEMPERATURE = 0.5  # of the policy: label smoothing leaves a random word in most longer samples


@torch.inference_mode()
def generate(trainee: Trainee, data: Data, tokens: Tensor, **options) -> list[list[str]]:
    """Decode captions (lists of words) for encoded pictures."""
    start = torch.full((len(tokens), 1), 2)
    out = trainee.model.text_decoder.generate(
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


@torch.inference_mode()
def evaluate(trainee: Trainee, data: Data, cider: CiderD, rows: list[int], beams: int = 3) -> float:
    """Mean CIDEr-D over `rows` of Flickr8k."""
    trainee.eval()
    captions = []
    for start in range(0, len(rows), 50):
        seen = data.see([("flickr8k", row) for row in rows[start : start + 50]])
        tokens = trainee.encode(*seen)
        captions += generate(trainee, data, tokens, num_beams=beams)
    return float(np.mean([cider.score(c, i) for c, i in zip(captions, rows, strict=True)]))


@dataclass
class Training:
    """One run: the trainee, the moving average of its weights that is kept, and the data."""

    trainee: Trainee
    data: Data
    concepts: Concepts
    rng: np.random.Generator

    def __post_init__(self) -> None:
        """Start the average at the trainee."""
        self.average = copy.deepcopy(self.trainee)
        self.trainable = [p for p in self.trainee.parameters() if p.requires_grad]

    def cross_entropy(self, epochs: int, rate: float) -> Iterator[tuple[str, float]]:
        """Yield a name and the mean loss after each epoch."""
        data, rng = self.data, self.rng
        pairs = [(row, k) for row in data.train for k in range(len(data.captions[row]))]
        steps = len(pairs) // PICTURES
        optimizer = torch.optim.AdamW(self.trainable, lr=rate, weight_decay=0.05, betas=(0.9, 0.98))
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimizer, rate, total_steps=epochs * steps + 1, pct_start=0.1
        )
        for epoch in range(epochs):
            self.trainee.train()
            order, losses = rng.permutation(len(pairs)), []
            for step in range(steps):
                chunk = order[step * PICTURES : (step + 1) * PICTURES]
                loss = self._imitate(data.batch(rng, [pairs[i] for i in chunk], labelled=16))
                self._step(optimizer, loss, 1.0, keep=0.998 if epoch > 1 else 0.0)
                schedule.step()
                losses.append(loss.item())
            yield f"cross-entropy {epoch + 1}", float(np.mean(losses))

    def self_critical(self, steps: int) -> Iterator[tuple[str, float]]:
        """Yield a name and the mean reward every 100 steps and at the end."""
        data, rng = self.data, self.rng
        cider = CiderD({i: data.captions[i] for i in data.train})
        optimizer = torch.optim.AdamW(self.trainable, lr=CRITICAL_RATE, weight_decay=0.0)
        rewards = []
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = CRITICAL_RATE * min(1.0, (step + 1) / 30) * (1 - 0.8 * step / steps)
            chunk = rng.choice(data.train, CRITICAL_PICTURES, replace=False).tolist()
            loss, reward = self._criticise(
                data.batch(rng, [(i, 0) for i in chunk], 12), chunk, cider
            )
            self._step(optimizer, loss, 0.5, keep=0.98)
            rewards.append(reward)
            if (step + 1) % 100 == 0 or step + 1 == steps:
                yield f"self-critical {step + 1} of {steps}", float(np.mean(rewards[-100:]))

    def _imitate(self, batch: Batch) -> Tensor:
        """Label-smoothed cross-entropy, and a little of copying."""
        with torch.autocast("cpu", torch.bfloat16):
            tokens, mask = self.trainee.encode_in_training(batch)
            logits, targets, _ = next_words(
                self.trainee.model, tokens, mask, *self.data.pad(batch.captions)
            )
        imitation = F.cross_entropy(logits, targets, label_smoothing=0.05)
        return imitation + 0.05 * self._copying()

    def _copying(self) -> Tensor:
        """Cross-entropy of naming the concept of pictures that nobody took."""
        with torch.autocast("cpu", torch.bfloat16):
            tokens, mask, shown = self.trainee.pretend(self.rng, PRETENDED)
            phrases = [self.concepts.phrases[i] for i in shown]
            names = [caption_words(texts[self.rng.integers(len(texts))]) for texts in phrases]
            logits, targets, _ = next_words(self.trainee.model, tokens, mask, *self.data.pad(names))
        return F.cross_entropy(logits, targets)

    def _criticise(self, batch: Batch, rows: list[int], cider: CiderD) -> tuple[Tensor, float]:
        """REINFORCE on CIDEr-D, and a share of imitation that keeps the captions English."""
        trainee, data = self.trainee, self.data
        trainee.eval()
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            tokens = trainee.encode(batch.grids[: len(rows)], batch.embeddings[: len(rows)])
            sampled = generate(
                trainee,
                data,
                tokens.bfloat16().float().repeat_interleave(SAMPLES, 0),
                do_sample=True,
                temperature=TEMPERATURE,
                top_k=0,
                num_beams=1,
            )
        trainee.train()
        scores = np.array([cider.score(c, rows[i // SAMPLES]) for i, c in enumerate(sampled)])
        scores = scores.reshape(-1, SAMPLES)
        baseline = (scores.sum(1, keepdims=True) - scores) / (SAMPLES - 1)
        advantage = torch.from_numpy((scores - baseline).reshape(-1)).float()
        with torch.autocast("cpu", torch.bfloat16):
            tokens, mask = trainee.encode_in_training(batch)
            mine = torch.arange(len(rows)).repeat_interleave(SAMPLES)
            logits, targets, owners = next_words(
                trainee.model, tokens[mine], mask[mine], *data.pad(sampled)
            )
        losses = F.cross_entropy(logits / TEMPERATURE, targets, reduction="none")
        reinforced = (losses * advantage[owners]).mean()
        return reinforced + IMITATION * self._imitate(batch), float(scores.mean())

    def _step(self, optimizer: torch.optim.Optimizer, loss: Tensor, most: float, keep: float):
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(self.trainable, most)
        optimizer.step()
        with torch.no_grad():
            for kept, new in zip(self.average.parameters(), self.trainee.parameters(), strict=True):
                kept.lerp_(new, 1 - keep)


def main() -> None:
    """Train from the cache and leave the weights and the tokenizer in `out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", default="lite2")
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--critical-steps", type=int, default=300)
    parser.add_argument("--rate", type=float, default=8e-4)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    args = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    concepts = read_concepts(args.cache / "pictures", args.variant)
    data = Data(args.cache, args.variant, Embedder(concepts, args.variant))
    model = build_model(args.variant, len(data.tokenizer))
    if args.start:
        model.load_state_dict(torch.load(args.start, weights_only=True))
    else:
        put_published(model, concepts, data.ids, args.variant)
    training = Training(Trainee(model, concepts), data, concepts, np.random.default_rng(0))
    args.out.mkdir(parents=True, exist_ok=True)
    data.tokenizer.save_pretrained(args.out)
    dev_cider = CiderD({i: data.captions[i] for i in data.dev})
    began = time.time()

    def report(stage: str, value: float, file: str) -> None:
        torch.save(training.average.model.state_dict(), args.out / file)
        cider = evaluate(training.average, data, dev_cider, data.dev)
        figures = {"value": value, "dev_cider": cider, "minutes": (time.time() - began) / 60}
        rounded = {name: round(figure, 4) for name, figure in figures.items()}
        print(json.dumps({"stage": stage} | rounded), flush=True)

    for stage, loss in training.cross_entropy(args.epochs, args.rate):
        report(stage, loss, "cross-entropy.pt")
    for stage, reward in training.self_critical(args.critical_steps):
        report(stage, reward, "self-critical.pt")


if __name__ == "__main__":
    main()
