"""Train the embedded classifier: an ALIGN model from EfficientNet-Lite and MiniLM.

First the text tower learns to put MiniLM's sentence embedding into its first token. Then both
towers learn together: captions against pictures (InfoNCE, as CLIP and ALIGN), the class names of
the labelled sets, EfficientNet's own view of every picture over ImageNet's names (so that these are
not forgotten), everyday tags, and MiniLM's similarities between phrases (so that labels never seen
in training stay sensible).
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from heads import ImageHead, TextHead
from label_data import IMAGENET, NAMED, Data
from phrases import TAGS
from pictures import LABELLED, SETS
from texts import Teacher, broad_words, phrase
from torch import Tensor, nn
from torch.nn import functional as F
from tower import HEAD_CHANNELS, reference_weights

COMMON_TAGS = (
    "a person", "a car", "nature", "a landscape", "food", "sports", "a dog", "a cat", "a bird",
)  # fmt: skip


def tag_targets(table: np.ndarray, columns: np.ndarray) -> tuple[Tensor, Tensor, Tensor]:
    """Spread each picture's mass over its true tags: (rows that have one, targets, unknown)."""
    chosen = torch.from_numpy(table[:, columns])
    true = (chosen == 1).float()
    rows = true.sum(1) > 0
    return rows, true / true.sum(1, keepdim=True).clamp(min=1), chosen == -1


def reporter() -> Callable[[str, dict[str, float]], None]:
    """Return a function that prints a stage's figures as one JSON line, with the minutes so far."""
    began = time.time()

    def report(stage: str, figures: dict[str, float]) -> None:
        minutes = round((time.time() - began) / 60, 1)
        rounded = {name: round(float(value), 3) for name, value in figures.items()}
        print(json.dumps({"stage": stage, "minutes": minutes} | rounded), flush=True)

    return report


def soft_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross-entropy against a distribution a row."""
    logs = F.log_softmax(logits, -1)
    return -torch.where(targets > 0, targets * logs, 0.0).sum(-1).mean()


class Trainer:
    """The two heads, their data, and one step of each kind."""

    def __init__(self, cache: Path, variant: str, layers: int, seed: int = 0) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.data = Data(cache, variant)
        self.teacher = Teacher()
        self.tokenizer = self.teacher.tokenizer
        self.words = broad_words(self.tokenizer)
        self.text = TextHead(layers)
        self.image = ImageHead(variant)
        with torch.no_grad():
            pooled = self.image.pool(self.data.grid("flickr8k", np.arange(1500)))
        self.image.mean.copy_(pooled.mean(0))
        self.image.std.copy_(pooled.std(0) + 0.02)
        weights = reference_weights(variant)
        with torch.no_grad():
            self.beliefs = {name: self._beliefs(name, weights) for name in SETS}
        self.log_scale = nn.Parameter(torch.tensor(3.0))
        self.all_names = [n[0] for name in NAMED for n in self.data.names[name]]
        self.captions = [
            caption
            for k in self.data.rows["flickr8k", "train"]
            for caption in self.data.items["flickr8k"][k].captions
        ]

    def restore(self, trained: dict) -> None:
        """Take up the weights that `main` left."""
        self.image.load_state_dict(trained["image"])
        self.text.load_state_dict(trained["text"])
        self.log_scale.data.fill_(float(np.log(trained["scale"])))

    def _beliefs(self, name: str, weights: dict[str, Tensor]) -> Tensor:
        """EfficientNet's probabilities over ImageNet's distinct names, (n, n_names) float16."""
        to_name = F.one_hot(self.data.target[IMAGENET]).float()
        rows = np.arange(len(self.data.items[name]))
        out = []
        for start in range(0, len(rows), 512):
            pooled = self.image.pool(self.data.grid(name, rows[start : start + 512]))
            logits = F.linear(pooled[:, :HEAD_CHANNELS], weights["_fc.weight"], weights["_fc.bias"])
            out.append((F.softmax(logits, -1) @ to_name).half())
        return torch.cat(out)

    def tokens(self, texts: list[str]) -> dict[str, Tensor]:
        """Tokenise for the text tower."""
        return dict(
            self.tokenizer(texts, padding=True, truncation=True, max_length=64, return_tensors="pt")
        )

    def broad(self, count: int) -> list[str]:
        """Random phrases from the whole language, not from the training sets."""
        picks = self.rng.integers(0, 12000, (count, 2))
        return [
            phrase(
                self.words[a] if self.rng.random() < 0.7 else f"{self.words[a]} {self.words[b]}",
                self.rng,
            )
            for a, b in picks
        ]

    def pool_step(self) -> Tensor:
        """Teach the first token the teacher's mean-pooled embedding."""
        some = [self.captions[i] for i in self.rng.integers(0, len(self.captions), 96)]
        names = [names for sets in self.data.names.values() for names in sets]
        picks = self.rng.integers(0, len(names), 96)
        texts = [*some, *self.broad(96), *(phrase(names[i][0], self.rng) for i in picks)]
        return (1 - (self.text(self.tokens(texts)) * self.teacher(texts)).sum(-1)).mean()

    def named(self, name: str, classes: np.ndarray | None = None) -> list[str]:
        """One random phrase for each class of a set."""
        names = self.data.names[name]
        wanted = range(len(names)) if classes is None else classes
        return [phrase(names[c][self.rng.integers(len(names[c]))], self.rng) for c in wanted]

    def joint_step(self, step: int, pairs: int) -> dict[str, Tensor]:
        """One batch of pictures and phrases of every kind; the losses by name."""
        data, rng = self.data, self.rng
        sets = ["actions15", "scenes6", ("sports100", "caltech101")[step % 2]]
        flickr = rng.choice(data.rows["flickr8k", "train"], pairs, replace=False)
        batches = {"flickr8k": flickr, IMAGENET: rng.choice(1000, 64, replace=False)}
        for name in sets:
            batches[name] = rng.choice(data.rows[name, "train"], 32 if name == "scenes6" else 64)
        grids = torch.cat([data.grid(name, rows) for name, rows in batches.items()])
        images = self.image(grids, rng)
        starts = dict(zip(batches, np.cumsum([0, *map(len, batches.values())]), strict=False))
        beliefs = torch.cat([self.beliefs[name][rows] for name, rows in batches.items()]).float()
        weight = beliefs.mean(0).numpy()
        likely = np.argsort(-(weight + 1e-4 * rng.random(len(weight))))[:48]
        own = data.target[IMAGENET][batches[IMAGENET]].numpy()
        classes = np.unique(np.concatenate([likely, own]))
        tag_count = int(rng.choice([6, 9, 16, 40]))
        common = rng.choice([TAGS.index(t) for t in COMMON_TAGS], min(tag_count, 7), replace=False)
        columns = np.unique(np.concatenate([common, rng.choice(len(TAGS), tag_count)]))

        picks = rng.choice(len(self.all_names), 64, replace=False)
        texts = [
            [data.items["flickr8k"][k].captions[rng.integers(5) % 5] for k in flickr],
            self.named(IMAGENET, classes),
            [phrase(TAGS[j], rng) for j in columns],
            *(self.named(name) for name in sets),
            self.broad(48),
            [phrase(self.all_names[i], rng) for i in picks],
        ]
        flat = [text for group in texts for text in group]
        order = sorted(range(len(flat)), key=lambda i: len(flat[i]))
        half = len(order) * 2 // 3  # short ones apart, to save padding
        parts = [order[:half], order[half:]]
        encoded = torch.cat([self.text(self.tokens([flat[i] for i in part])) for part in parts])
        encoded = encoded[torch.argsort(torch.tensor(parts[0] + parts[1]))]
        groups = list(encoded.split([len(group) for group in texts]))
        scale = self.log_scale.exp()
        losses = {"names": self.name_loss(groups[-1], groups[2], columns, picks)}

        logits = scale * images[: len(flickr)] @ groups[0].T
        same = torch.arange(len(flickr))
        losses["captions"] = (F.cross_entropy(logits, same) + F.cross_entropy(logits.T, same)) / 2
        known = beliefs[:, classes]
        mass = known.sum(1)
        logs = F.log_softmax(scale * images @ groups[1].T, -1)
        target = known / mass[:, None]
        kl = torch.where(target > 0, target * (target.clamp(min=1e-9).log() - logs), 0.0).sum(1)
        losses["beliefs"] = (kl * mass).sum() / mass.sum()
        own_images = images[starts[IMAGENET] : starts[IMAGENET] + len(own)]
        position = torch.from_numpy(np.searchsorted(classes, own))
        losses["imagenet"] = F.cross_entropy(scale * own_images @ groups[1].T, position)
        table = np.concatenate([data.tags[name][rows] for name, rows in batches.items()])
        rows, target, unknown = tag_targets(table, columns)
        tag_logits = (scale * images @ groups[2].T).masked_fill(unknown, -1e4)
        losses["tags"] = soft_cross_entropy(tag_logits[rows], target[rows])
        for name, group in zip(sets, groups[3:], strict=False):
            mine = images[starts[name] : starts[name] + len(batches[name])]
            losses[name] = F.cross_entropy(
                scale * mine @ group.T, data.target[name][batches[name]], label_smoothing=0.05
            )
        anchors = torch.cat([groups[-2], groups[2], groups[-3]])
        taught = self.teacher(texts[-2] + texts[2] + texts[-3])
        losses["anchor"] = ((anchors @ anchors.T - taught @ taught.T) ** 2).mean() * 50
        return losses

    def name_loss(self, names: Tensor, tags: Tensor, columns: np.ndarray, picks) -> Tensor:
        """Hold class names against tags, as if each name were a picture of the thing.

        A picture lies near the names of what it shows, so this tells pictures of a thousand kinds
        what is food, an animal or a vehicle, where the sets have one picture of each.
        """
        rows, target, unknown = tag_targets(self.data.name_tags[picks], columns)
        logits = (self.log_scale.exp() * names @ tags.T).masked_fill(unknown, -1e4)
        return soft_cross_entropy(logits[rows], target[rows]) if rows.any() else logits.sum() * 0

    @torch.no_grad()
    def embed(self, texts: list[str]) -> Tensor:
        """Embed any number of texts."""
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        chunks = [order[i : i + 256] for i in range(0, len(order), 256)]
        out = torch.cat([self.text(self.tokens([texts[i] for i in chunk])) for chunk in chunks])
        return out[torch.argsort(torch.tensor(order))]

    def embed_grids(self, name: str, rows: np.ndarray) -> Tensor:
        """Embeddings of whole pictures by the head in training."""
        return self.image(self.data.grid(name, rows))

    @torch.no_grad()
    def evaluate(self, embed: Callable[[str, np.ndarray], Tensor]) -> dict[str, float]:
        """Dev accuracies with the names as given, and retrieval on 1,000 Flickr8k pictures."""
        figures = {}
        for name in LABELLED:
            rows = self.data.rows[name, "dev"]
            images = embed(name, rows)
            names = [n[0] for n in self.data.names[name]]
            target = self.data.target[name][rows]
            for key, template in (("", "{}"), (" photo", "a photo of a {}")):
                texts = self.embed([template.format(n) for n in names])
                right = (images @ texts.T).argmax(1) == target
                figures[name + key] = right.float().mean().item()
        rows = self.data.rows["flickr8k", "dev"][:1000]
        images = embed("flickr8k", rows)
        captions = [c for k in rows for c in self.data.items["flickr8k"][k].captions[:5]]
        texts = self.embed(captions)
        similar = images @ texts.T
        same = torch.arange(1000)
        figures["R@1 of 5000"] = (similar.argmax(1) // 5 == same).float().mean().item()
        figures["R@1 of 1000"] = (similar[:, ::5].argmax(1) == same).float().mean().item()
        return figures


WEIGHTS = {
    "captions": 1.0,
    "beliefs": 0.7,
    "imagenet": 0.3,
    "tags": 0.5,
    "names": 0.3,
    "anchor": 1.0,
}


def train_pool(trainer: Trainer, steps: int) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the loss of teaching the first token, every 50 steps."""
    text = [p for p in trainer.text.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(text, lr=3e-4, weight_decay=0.01)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 3e-4 * min(1, step / 20) * (1 - step / steps)
        loss = trainer.pool_step()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if (step + 1) % 50 == 0:
            yield f"pool {step + 1}", {"loss": loss.item()}


def train_joint(
    trainer: Trainer, steps: int, pairs: int, rate: float
) -> Iterator[tuple[str, dict[str, float]]]:
    """Yield the mean losses every 100 steps and at the end."""
    body = [p for p in trainer.text.tower.parameters() if p.requires_grad]
    groups = [
        ([trainer.image.expand], 1e-4),
        (list(trainer.image.project.parameters()), 1e-3),
        (body, 1e-4),
        ([*trainer.text.project.parameters(), trainer.log_scale], 5e-4),
    ]
    optimizer = torch.optim.AdamW([{"params": p} for p, _ in groups], weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, [top * rate for _, top in groups], total_steps=steps, pct_start=0.1
    )
    sums: dict[str, list[float]] = {}
    for step in range(steps):
        losses = trainer.joint_step(step, pairs)
        loss = sum(WEIGHTS.get(name, 0.3) * value for name, value in losses.items())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_([*body, *trainer.text.project.parameters()], 1.0)
        optimizer.step()
        schedule.step()
        for name, value in losses.items():
            sums.setdefault(name, []).append(value.item())
        if (step + 1) % 100 == 0 or step + 1 == steps:
            yield f"joint {step + 1}", {name: float(np.mean(v)) for name, v in sums.items()}
            sums.clear()


def main() -> None:
    """Train from the cache and leave both heads' weights in `out`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", default="lite2")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--pool-steps", type=int, default=150)
    parser.add_argument("--steps", type=int, default=900)
    parser.add_argument("--start", type=Path, help="go on from these weights")
    parser.add_argument("--rate", type=float, default=1.0, help="factor of the learning rates")
    parser.add_argument("--pairs", type=int, default=224)
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = reporter()
    trainer = Trainer(args.cache, args.variant, args.layers)
    args.out.mkdir(parents=True, exist_ok=True)
    if args.start:
        trainer.restore(torch.load(args.start, weights_only=True))
    else:
        for stage, figures in train_pool(trainer, args.pool_steps):
            report(stage, figures)
    for stage, figures in train_joint(trainer, args.steps, args.pairs, args.rate):
        scale = trainer.log_scale.exp().item()
        report(stage, figures | {"scale": scale})
        report("dev", trainer.evaluate(trainer.embed_grids))
        parts = {"image": trainer.image.state_dict(), "text": trainer.text.state_dict()}
        torch.save(parts | {"scale": scale}, args.out / "joint.pt")


if __name__ == "__main__":
    main()
