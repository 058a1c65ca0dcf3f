"""On which side of its point in space a name stands, so that names hide each other little."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from rich.cells import cell_len

_CELL, _LINE = 0.046, 0.09  # of a name's font, as parts of the room's side when it is shown
_EDGE = 1.2  # on a telephone
_POINT, _AWAY = 0.06, 0.078
_MOST_HIDDEN = 0.25
_SIDES = {"top center": (0, 1), "bottom center": (0, -1), "middle right": (1, 0)}
_SIDES |= {"middle left": (-1, 0)}

Box = tuple[float, float, float, float]


def seen_from(points: NDArray[np.float64], eye: Mapping[str, float]) -> NDArray[np.float64]:
    """Return where points of a room that they fill are seen by an eye that looks at its middle.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, 3) float64``, the third upwards.
    eye : mapping
        Plotly's place of the eye.

    Returns
    -------
    numpy.ndarray
        ``(n, 2) float64``, right and up, in parts of the room's side.
    """
    low, high = points.min(axis=0), points.max(axis=0)
    placed = (points - (low + high) / 2) / np.where(high > low, high - low, 1)
    back = np.array([eye["x"], eye["y"], eye["z"]])
    right = np.cross([0, 0, 1], back)
    axes = np.array([right, np.cross(back, right), back])
    axes = axes / np.linalg.norm(axes, axis=1, keepdims=True)
    flat: NDArray[np.float64] = placed @ axes[:2].T
    flat /= 1 - placed @ axes[2:].T / np.linalg.norm(back)
    return flat


def sides(points: NDArray[np.float64], names: Sequence[str]) -> list[str]:
    """Choose for each name the side of its point where it hides least, if there is one.

    Parameters
    ----------
    points : numpy.ndarray
        ``(n, 2) float64``, as `seen_from` returns them, the most important first.
    names : sequence of str
        As they are shown.

    Returns
    -------
    list of str
        Plotly's text positions; "" where the name would not be readable anywhere.
    """
    taken = [(-np.inf, -np.inf, -_EDGE, np.inf), (_EDGE, -np.inf, np.inf, np.inf)]
    taken += [_box(x, y, _POINT, _POINT) for x, y in points]
    chosen = []
    for name, (x, y) in zip(names, points, strict=True):
        width, height = _CELL * cell_len(name), _LINE
        room = {
            side: _box(
                x + across * (width / 2 + _AWAY), y + up * (height / 2 + _AWAY), width, height
            )
            for side, (across, up) in _SIDES.items()
        }
        hidden = {side: sum(_overlap(box, other) for other in taken) for side, box in room.items()}
        best = min(hidden, key=lambda side: hidden[side])
        readable = hidden[best] <= _MOST_HIDDEN * width * height
        if readable:
            taken.append(room[best])
        chosen.append(best if readable else "")
    return chosen


def _box(x: float, y: float, width: float, height: float) -> Box:
    return x - width / 2, y - height / 2, x + width / 2, y + height / 2


def _overlap(one: Box, other: Box) -> float:
    across = min(one[2], other[2]) - max(one[0], other[0])
    up = min(one[3], other[3]) - max(one[1], other[1])
    return max(0.0, across) * max(0.0, up)
