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
from torch import nn
from trainer import Trainer

WEIGHTS = {
    "captions": 1.0,
    "beliefs": 0.7,
    "imagenet": 0.3,
    "tags": 0.5,
    "names": 0.3,
    "anchor": 1.0,
}


def reporter() -> Callable[[str, dict[str, float]], None]:
    """Return a function that prints a stage's figures as one JSON line, with the minutes so far."""
    began = time.time()

    def report(stage: str, figures: dict[str, float]) -> None:
        minutes = round((time.time() - began) / 60, 1)
        rounded = {name: round(float(value), 3) for name, value in figures.items()}
        print(json.dumps({"stage": stage, "minutes": minutes} | rounded), flush=True)

    return report


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
