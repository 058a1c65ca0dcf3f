"""Writing a safetensors file anew with its weights in another dtype, a piece at a time."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import torch
from safetensors import safe_open

_NAMES = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16"}
_DTYPES = {name: dtype for dtype, name in _NAMES.items()}
_METADATA = "__metadata__"
_ALIGNMENT = 64
_PIECE = 2**24

Header = dict[str, Any]


def is_in(file: Path, dtype: torch.dtype) -> bool:
    """Say whether all weights of a file that could be converted are in a dtype.

    Raises
    ------
    safetensors.SafetensorError
        If the file is torn or contradicts itself.
    """
    kinds = {tensor.get("dtype") for tensor in _read_header(file)[0].values()}
    return not kinds & _DTYPES.keys() - {_NAMES[dtype]}


def is_converted(copy: Path, file: Path, dtype: torch.dtype) -> bool:
    """Say whether one file is what `convert` makes of another, as far as their headers tell.

    Raises
    ------
    safetensors.SafetensorError
        If either is torn or contradicts itself.
    """
    return _read_header(copy)[0] == _converted_header(file, dtype)


def size_in(file: Path, dtype: torch.dtype) -> int:
    """Return how many bytes the weights of a file take in a dtype."""
    header = _converted_header(file, dtype)
    return max((tensor["data_offsets"][1] for _, tensor in _tensors(header)), default=0)


def convert(file: Path, target: Path, dtype: torch.dtype) -> None:
    """Write a file whose tensors are those of another, rounded as `torch.Tensor.to` does.

    The file is read, not mapped, since mapped pages would count as memory. When this returns, the
    target is on disk.
    """
    source_header, start = _read_header(file)
    header = _converted_header(file, dtype)
    told = json.dumps(header).encode()
    told += b" " * (-(8 + len(told)) % _ALIGNMENT)
    with file.open("rb") as source, target.open("wb") as output:
        output.write(len(told).to_bytes(8, "little") + told)
        for name, _ in _tensors(header):
            tensor = source_header[name]
            begin, end = tensor["data_offsets"]
            source.seek(start + begin)
            for piece in _pieces(source, end - begin):
                output.write(_in_dtype(piece, tensor["dtype"], dtype))
        output.flush()
        os.fsync(output.fileno())


def _read_header(file: Path) -> tuple[Header, int]:
    """Return what a file says of its tensors, and where their bytes begin."""
    with safe_open(file, framework="pt"):  # checks it
        pass
    with file.open("rb") as source:
        length = int.from_bytes(source.read(8), "little")
        return json.loads(source.read(length)), 8 + length


def _converted_header(file: Path, dtype: torch.dtype) -> Header:
    header = _read_header(file)[0]
    sized = {}
    for name, tensor in _tensors(header):
        begin, end = tensor["data_offsets"]
        size, kind = end - begin, tensor["dtype"]
        if kind in _DTYPES:
            size, kind = size // _DTYPES[kind].itemsize * dtype.itemsize, _NAMES[dtype]
        sized[name] = size, kind, tensor["shape"]
    # A tensor must begin at a multiple of its numbers' size: the widest numbers come first.
    widths = {name: size // max(_count(shape), 1) for name, (size, _, shape) in sized.items()}
    made: Header = {_METADATA: header[_METADATA]} if _METADATA in header else {}
    end = 0
    for name in sorted(sized, key=lambda name: -widths[name]):
        size, kind, shape = sized[name]
        made[name] = {"dtype": kind, "shape": shape, "data_offsets": [end, end + size]}
        end += size
    return made


def _tensors(header: Header) -> list[tuple[str, Any]]:
    return [(name, tensor) for name, tensor in header.items() if name != _METADATA]


def _count(shape: list[int]) -> int:
    return int(torch.Size(shape).numel())


def _pieces(source: BinaryIO, size: int) -> Iterator[bytearray]:
    while size:
        piece = bytearray(min(size, _PIECE))
        if source.readinto(piece) != len(piece):  # type: ignore[attr-defined]
            raise ValueError("The file became shorter while it was read.")
        size -= len(piece)
        yield piece


def _in_dtype(piece: bytearray, kind: str, dtype: torch.dtype) -> Any:
    if kind not in _DTYPES:
        return piece
    return torch.frombuffer(piece, dtype=_DTYPES[kind]).to(dtype).view(torch.uint8).numpy().data
