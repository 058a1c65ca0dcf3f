"""GIF (89a): a screen, a palette, and blocks of length-prefixed sub-blocks."""

from collections.abc import Iterator

from imgcap.containers.base import MAX_PARTS, Container, ContainerError, Piece, cut, little

_EXTENSION = 0x21
_GRAPHIC_CONTROL = 0xF9
_FRAME = 0x2C
_TRAILER = b";"
_LARGEST_SIDE = 0xFFFF


def read_gif(view: memoryview) -> Container:
    """Keep screen, palettes and the first frame; leave comments and later frames behind."""
    flags = cut(view, 0, 13)[10]
    position = 13 + _palette_length(flags)
    palette = cut(view, 13, position - 13)
    control: Piece = b""
    budget = iter(range(MAX_PARTS))
    while view[position] == _EXTENSION:
        start = position
        position = _blocks_end(view, position + 2, budget)
        if view[start + 1] == _GRAPHIC_CONTROL:
            control = view[start:position]
    if view[position] != _FRAME:
        raise ContainerError("no picture")
    left, top, width, height = (little(view, position + 1 + 2 * part, 2) for part in range(4))
    blocks = position + 10 + _palette_length(view[position + 9]) + 1
    picture = view[position : _blocks_end(view, blocks, budget)]
    # A frame may stick out of the screen; viewers grow the screen to hold it.
    screen = max(little(view, 6, 2), left + width), max(little(view, 8, 2), top + height)
    if max(screen) > _LARGEST_SIDE:
        raise ContainerError("a frame far outside the screen")
    size = b"".join(side.to_bytes(2, "little") for side in screen)
    return Container(
        "GIF",
        width=screen[0],
        height=screen[1],
        pieces=[view[:6], size, view[10:13], palette, control, picture, _TRAILER],
    )


def _palette_length(flags: int) -> int:
    return 3 << (flags & 7) + 1 if flags & 0x80 else 0


def _blocks_end(view: memoryview, position: int, budget: Iterator[int]) -> int:
    """Walk a chain of sub-blocks, each paid from the budget, and return where it ends."""
    for _ in budget:
        length = view[position]
        position += 1 + length
        if not length:
            return position
    raise ContainerError("too many blocks")
