"""The concepts that the captioner is told of: ImageNet's classes, by the published classifier."""

from dataclasses import dataclass
from pathlib import Path

import torch
from phrases import class_texts, imagenet_kinds
from pictures import read_set
from torch import Tensor
from tower import HEAD_CHANNELS, build_tower, reference_weights
from vocabulary import clean

RANK = 384
SCALE = 2.4323065280914307  # standard deviation over Flickr8k's pictures
RIVALS = 11


@dataclass(frozen=True)
class Concepts:
    """The published classifier, split into a projection to `RANK` dimensions and the rest.

    Its 1,280 x 1,000 weights are cut to their greatest singular values; that the ones left out
    matter little is seen in how often both name the same class.

    Attributes
    ----------
    names
        Words that stand for each class: its name, then its everyday kind.
    phrases
        What a caption may say of each class.
    projection, weight, bias
        (RANK, 1280), (1000, RANK) and (1000,); embeddings have a standard deviation of 1.
    rivals
        (1000, RIVALS): the classes that each is most easily taken for.
    """

    names: list[str]
    phrases: list[list[str]]
    projection: Tensor
    weight: Tensor
    bias: Tensor
    rivals: Tensor


def read_concepts(pictures: Path, variant: str) -> Concepts:
    """Name the classes and split the classifier."""
    items = read_set(pictures, "imagenet1k-one-each")
    names = []
    for i, item in enumerate(items):
        name, kinds = clean(item.label).lower(), imagenet_kinds(i)
        kind = kinds[0].split(" ", 1)[-1] if kinds else ""
        names.append(f"{name} {kind}")
    source = reference_weights(variant)
    weight, bias = source["_fc.weight"], source["_fc.bias"]
    left, values, right = torch.linalg.svd(weight, full_matrices=False)
    unit = torch.nn.functional.normalize(weight, dim=1)
    return Concepts(
        names,
        [class_texts(item, i) for i, item in enumerate(items)],
        values[:RANK, None] * right[:RANK] / SCALE,
        left[:, :RANK] * SCALE,
        bias,
        (unit @ unit.T).topk(RIVALS + 1).indices[:, 1:],
    )


class Embedder:
    """The published head over cached grids."""

    def __init__(self, concepts: Concepts, variant: str) -> None:
        self.expansion = build_tower(variant, RANK).encoder.blocks[-1].expansion
        self.projection = concepts.projection

    @torch.inference_mode()
    def embed(self, grids: Tensor) -> Tensor:
        """Embed (n, 7, 7, channels) grids as (n, RANK), as the whole tower would."""
        hidden = self.expansion(grids.permute(0, 3, 1, 2).float()).mean((2, 3))
        return hidden[:, :HEAD_CHANNELS] @ self.projection.T
