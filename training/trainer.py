"""One step of training the classifier over pictures and phrases of every kind; dev figures."""

from collections.abc import Callable
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
