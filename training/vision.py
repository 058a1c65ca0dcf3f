"""Fine-tune the classifier's upper vision stages against its finished, frozen text tower.

The result lies between the weights before and after (Wortsman et al., "Robust fine-tuning of
zero-shot models", 2022), which keeps more of what the small sets do not show. With the text fixed,
every caption and class name is embedded once, so that a picture can be held
against all training captions at a time. Batch norms keep their published statistics.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from classifier import reporter
from export import vision_weights
from features import grid_file, upper_blocks
from heads import DIMENSION
from label_data import IMAGENET
from phrases import TAGS
from pictures import LABELLED, SETS
from texts import phrase
from torch import Tensor, nn
from torch.nn import functional as F
from tower import vision_config
from trainer import COMMON_TAGS, Trainer, soft_cross_entropy, tag_targets
from transformers import AlignVisionModel

VARIANTS = 10
SETS_A_STEP = {IMAGENET: 64, "sports100": 40, "caltech101": 40, "actions15": 48, "scenes6": 16}


class UpperStages(nn.Module):
    """Stages six to eight of the tower over cached (n, 14, 14, channels) grids."""

    def __init__(self, weights: dict[str, Tensor], variant: str) -> None:
        super().__init__()
        tower = AlignVisionModel(vision_config(variant, DIMENSION))
        tower.load_state_dict(weights)
        self.first = upper_blocks(tower)
        self.blocks = nn.ModuleList(tower.encoder.blocks[self.first :]).eval()
        for name, parameter in self.blocks.named_parameters():
            # The gates stay open. Depthwise kernels stay too: on a CPU their gradient takes ten
            # times as long as all else.
            parameter.requires_grad_("squeeze_excite" not in name and "depthwise" not in name)

    def forward(self, grids: Tensor) -> Tensor:
        """Embed as unit vectors (n, DIMENSION)."""
        hidden = grids.permute(0, 3, 1, 2).to(torch.bfloat16, memory_format=torch.channels_last)
        with torch.autocast("cpu", torch.bfloat16):
            for block in self.blocks:
                hidden = block(hidden)
        return F.normalize(hidden.float().mean((2, 3)), dim=-1)

    def weights(self) -> dict[str, Tensor]:
        """Name the tensors as the whole tower does."""
        return {
            f"encoder.blocks.{self.first + int(name.split('.')[0])}.{name.split('.', 1)[1]}": tensor
            for name, tensor in self.blocks.state_dict().items()
        }


class Bank:
    """All texts of the training, embedded once by the frozen tower."""

    def __init__(self, trainer: Trainer) -> None:
        data, rng = trainer.data, trainer.rng
        self.rows = data.rows["flickr8k", "train"]
        captions = [c for k in self.rows for c in data.items["flickr8k"][k].captions[:5]]
        self.owner = torch.arange(len(self.rows)).repeat_interleave(5)
        self.captions = trainer.embed(captions)
        self.position = {int(k): i for i, k in enumerate(self.rows)}
        self.names = {}
        for name in LABELLED:
            variants = VARIANTS // 3 if name == IMAGENET else VARIANTS
            texts = [text for _ in range(variants) for text in trainer.named(name)]
            self.names[name] = trainer.embed(texts).view(variants, -1, DIMENSION)
        texts = [phrase(tag, rng) for _ in range(VARIANTS) for tag in TAGS]
        self.tags = trainer.embed(texts).view(VARIANTS, -1, DIMENSION)


def augment(grids: np.ndarray, rng: np.random.Generator) -> Tensor:
    """Mirror half of the grids; crop a third of the batches to a window of 12 or 13 cells."""
    mirrored = rng.random(len(grids)) < 0.5
    grids = np.where(mirrored[:, None, None, None], grids[:, :, ::-1], grids)
    if rng.random() < 0.4:
        size = int(rng.integers(11, 14))
        y, x = rng.integers(0, 15 - size, 2)
        grids = grids[:, y : y + size, x : x + size]
    return torch.from_numpy(np.ascontiguousarray(grids))


class Tuner:
    """One step over pictures of every set."""

    def __init__(self, trainer: Trainer, weights: dict[str, Tensor], cache: Path, variant: str):
        self.data, self.rng, self.trainer = trainer.data, trainer.rng, trainer
        self.bank = Bank(trainer)
        self.model = UpperStages(weights, variant)
        self.grids = {name: np.load(grid_file(cache, variant, name, 14)) for name in SETS}
        self.log_scale = nn.Parameter(trainer.log_scale.detach().clone())

    def step(self, pairs: int) -> dict[str, Tensor]:
        """Losses of one batch by name."""
        data, rng, bank = self.data, self.rng, self.bank
        batches = {"flickr8k": rng.choice(bank.rows, pairs, replace=False)}
        for name, count in SETS_A_STEP.items():
            batches[name] = rng.choice(data.rows[name, "train"], count)
        grids = np.concatenate([self.grids[name][rows] for name, rows in batches.items()])
        images = self.model(augment(grids, rng))
        parts = dict(zip(batches, images.split([len(r) for r in batches.values()]), strict=True))
        scale = self.log_scale.exp()

        own = torch.tensor([bank.position[int(k)] for k in batches["flickr8k"]])
        logits = scale * parts["flickr8k"] @ bank.captions.T
        mine = bank.owner[None] == own[:, None]
        logs = logits - logits.logsumexp(1, keepdim=True)
        to_caption = -torch.logsumexp(logs.masked_fill(~mine, -torch.inf), 1).mean()
        said = bank.captions[own * 5 + torch.from_numpy(rng.integers(0, 5, pairs))]
        to_picture = F.cross_entropy(scale * said @ parts["flickr8k"].T, torch.arange(pairs))
        losses = {"captions": (to_caption + to_picture) / 2}
        for name in LABELLED:
            texts = bank.names[name][rng.integers(len(bank.names[name]))]
            losses[name] = F.cross_entropy(
                scale * parts[name] @ texts.T,
                data.target[name][batches[name]],
                label_smoothing=0.05,
            )
        texts = bank.names[IMAGENET][rng.integers(len(bank.names[IMAGENET]))]
        beliefs = torch.cat([self.trainer.beliefs[n][r] for n, r in batches.items()]).float()
        logs = F.log_softmax(scale * images @ texts.T, -1)
        kl = torch.where(beliefs > 0, beliefs * (beliefs.clamp(min=1e-9).log() - logs), 0.0)
        losses["beliefs"] = kl.sum(1).mean()
        columns = np.unique(
            np.concatenate(
                [
                    [TAGS.index(tag) for tag in COMMON_TAGS],
                    rng.choice(len(TAGS), int(rng.choice([2, 10, 40]))),
                ]
            )
        )
        table = np.concatenate([data.tags[name][rows] for name, rows in batches.items()])
        rows, target, unknown = tag_targets(table, columns)
        texts = bank.tags[rng.integers(VARIANTS)][torch.from_numpy(columns)]
        tags = (scale * images @ texts.T).masked_fill(unknown, -1e4)
        losses["tags"] = soft_cross_entropy(tags[rows], target[rows])
        return losses

    @torch.no_grad()
    def embed(self, name: str, rows: np.ndarray) -> Tensor:
        """Embeddings of whole pictures."""
        chunks = np.array_split(rows, max(1, len(rows) // 128))
        return torch.cat(
            [self.model(torch.from_numpy(self.grids[name][chunk])) for chunk in chunks]
        )


WEIGHTS = {"captions": 1.0, "beliefs": 0.5, "tags": 0.6, IMAGENET: 0.2}


def main() -> None:
    """Fine-tune from `joint.pt` in `out` and leave `final.pt` beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--variant", default="lite2")
    parser.add_argument("--layers", type=int, default=6)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--pairs", type=int, default=128)
    parser.add_argument("--share", type=float, default=0.6, help="of the fine-tuned weights")
    args = parser.parse_args()
    torch.set_num_threads(1)
    report = reporter()
    trained = torch.load(args.out / "joint.pt", weights_only=True)
    trainer = Trainer(args.cache, args.variant, args.layers, seed=1)
    trainer.restore(trained)
    trainer.text.requires_grad_(False)
    whole = vision_weights(trained["image"], args.variant)
    tuner = Tuner(trainer, whole, args.cache, args.variant)

    report("before", trainer.evaluate(tuner.embed))
    last = list(tuner.model.blocks[-1].projection.parameters())
    held = {id(p) for p in last}
    rest = [p for p in tuner.model.parameters() if p.requires_grad and id(p) not in held]
    rates = [2e-4, 5e-4]
    optimizer = torch.optim.AdamW(
        [{"params": rest}, {"params": [*last, tuner.log_scale]}], lr=2e-4, weight_decay=0.02
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rates, total_steps=args.steps, pct_start=0.15
    )
    sums: dict[str, list[float]] = {}
    for step in range(args.steps):
        losses = tuner.step(args.pairs)
        loss = sum(WEIGHTS.get(name, 0.3) * value for name, value in losses.items())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(rest, 1.0)
        optimizer.step()
        schedule.step()
        for name, value in losses.items():
            sums.setdefault(name, []).append(value.item())
        if (step + 1) % 100 == 0 or step + 1 == args.steps:
            means = {name: float(np.mean(values)) for name, values in sums.items()}
            sums.clear()
            report(f"vision {step + 1}", means | {"scale": tuner.log_scale.exp().item()})
            report("dev", trainer.evaluate(tuner.embed))
    tuned = {
        name: tensor.lerp(whole[name], 1 - args.share) if tensor.is_floating_point() else tensor
        for name, tensor in tuner.model.weights().items()
    }
    parts = {"text": trained["text"], "vision": whole | tuned}
    torch.save(parts | {"scale": tuner.log_scale.exp().item()}, args.out / "final.pt")


if __name__ == "__main__":
    main()
