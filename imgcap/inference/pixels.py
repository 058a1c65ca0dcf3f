"""Pictures to a model's input: what its own image processor gives, for a fraction of the time.

Checkpoints bring a processor that copies the picture several times, resizes it with Pillow and
normalises in float64. Torch resizes 8-bit pixels several times as fast with the same filters; its
levels differ from Pillow's by 1 in about one of 300 places, and hardly ever by 2.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
import torch
from PIL import Image
from torch.nn import functional as F  # noqa: N812  # its usual name

from imgcap.inference.cores import usable_threads

_MODES: Final = {Image.Resampling.BILINEAR: "bilinear", Image.Resampling.BICUBIC: "bicubic"}
_GREY: Final = 100
_WHITE: Final = 255
_SMALL: Final = 300_000
_WIDEST: Final = 2.0
_TALLEST: Final = 1.5
_LONGEST: Final = 8


def prepare(processor: Any, images: Sequence[Image.Image]) -> dict[str, torch.Tensor]:
    """Return what a model takes as its pictures, float32.

    Parameters
    ----------
    processor : transformers.ProcessorMixin
        The checkpoint's own. One that does more than resize, cut out the middle and normalise is
        asked itself.
    images : sequence of PIL.Image.Image
        RGB pictures of any size; at least one.
    """
    plan = _plan(processor.image_processor)
    if plan is None:
        return dict(processor(images=list(images), return_tensors="pt"))
    if len(images) == 1:
        return {"pixel_values": plan.scaled(plan.levels(images[0])).unsqueeze(0)}
    with ThreadPoolExecutor(usable_threads(), thread_name_prefix="prepare") as pool:
        levels = list(pool.map(plan.levels, images))
    return {"pixel_values": plan.scaled(torch.stack(levels))}


@dataclass(frozen=True)
class _Plan:
    """What an image processor does; sizes are widths and heights, tensors `(3, 1, 1) float32`."""

    size: tuple[int, int] | int  # or of the shorter side
    crop: tuple[int, int] | None
    filter: Image.Resampling
    scale: torch.Tensor
    offset: torch.Tensor

    def scaled(self, levels: torch.Tensor) -> torch.Tensor:
        """Return `(..., 3, height, width) float32` of such 8-bit levels."""
        return levels.float().contiguous().mul_(self.scale).add_(self.offset)

    def levels(self, image: Image.Image) -> torch.Tensor:
        """Return `(3, height, width) uint8`: what is between pixels and what the model takes."""
        width, height = _resized(image.size, self.size)
        across, down = self.crop or (width, height)
        left, top = (width - across) // 2, (height - down) // 2
        if _shrunk_alike(image.size, (width, height)):
            whole = torch.from_numpy(np.array(image)).permute(2, 0, 1).unsqueeze(0)
            mode = _MODES[self.filter]
            small = F.interpolate(whole, (height, width), mode=mode, antialias=True)
            middle: torch.Tensor = small[0, :, top : top + down, left : left + across]
            return middle
        if max(width / across, height / down) <= _LONGEST:
            part = image.resize((width, height), self.filter)
            part = part.crop((left, top, left + across, top + down))
        else:  # a long strip, of which the ends are cut off: resized as a whole it fills memory
            x, y = image.width / width, image.height / height
            right, bottom = (
                min((left + across) * x, image.width),
                min((top + down) * y, image.height),
            )
            part = image.resize((across, down), self.filter, box=(left * x, top * y, right, bottom))
        return torch.from_numpy(np.array(part)).permute(2, 0, 1)


def _resized(size: tuple[int, int], to: tuple[int, int] | int) -> tuple[int, int]:
    if not isinstance(to, int):
        return to
    longer = int(to * max(size) / min(size))
    return (to, longer) if size[0] <= size[1] else (longer, to)


def _shrunk_alike(size: tuple[int, int], to: tuple[int, int]) -> bool:
    """Whether torch and Pillow do the same: make the picture less wide first, and then less high.

    Pillow 13 begins with the height where that is less work, and the levels rounded in between are
    others then. Such pictures are tall, and small or thin. Pictures that are small or enlarged stay
    with Pillow as well: there is little to gain.
    """
    width, height = size
    if width * height < _SMALL or width < to[0] or height < to[1]:
        return False
    if width >= height:
        return width <= _WIDEST * height
    return height <= _TALLEST * width and width >= 2 * to[0]


@lru_cache(maxsize=8)
def _plan(image_processor: Any) -> _Plan | None:
    """Find out what an image processor does; None if that is more than is known here."""
    size = _plain_size(getattr(image_processor, "size", None))
    crop = None
    if getattr(image_processor, "do_center_crop", False):
        crop = _plain_size(image_processor.crop_size)
    resample = getattr(image_processor, "resample", None)
    if size is None or resample not in _MODES or not getattr(image_processor, "do_resize", False):
        return None
    smallest = (size, size) if isinstance(size, int) else size
    expected = crop if isinstance(crop, tuple) else smallest
    if isinstance(crop, int) or expected[0] > smallest[0] or expected[1] > smallest[1]:
        return None
    # All that happens to a level of a channel is a multiplication and an addition; ask which.
    plain = [Image.new("RGB", smallest, (level,) * 3) for level in (0, _GREY, _WHITE)]
    seen = image_processor(images=plain, return_tensors="pt")
    if set(seen) != {"pixel_values"} or seen["pixel_values"].shape != (3, 3, *expected[::-1]):
        return None
    black, grey, white = seen["pixel_values"].double()
    offset, scale = black[:, :1, :1], ((white - black) / _WHITE)[:, :1, :1]
    for level, found in ((0, black), (_GREY, grey), (_WHITE, white)):
        if not torch.allclose(found, (offset + level * scale).expand_as(found), atol=1e-5):
            return None
    return _Plan(size, crop, Image.Resampling(resample), scale.float(), offset.float())


def _plain_size(size: Any) -> tuple[int, int] | int | None:
    """Return width and height, or the length of the shorter side; None if it is neither."""
    given: Mapping[str, int] = {
        name: int(value) for name, value in dict(size or {}).items() if value
    }
    if set(given) == {"width", "height"}:
        return given["width"], given["height"]
    return given["shortest_edge"] if set(given) == {"shortest_edge"} else None
