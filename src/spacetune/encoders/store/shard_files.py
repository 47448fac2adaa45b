"""Shards as files: safetensors, written whole, mapped without a descriptor, every byte under a checksum.

The file's name ends with the checksum of its head; the head holds the layers, the shapes and the checksums of the rest.
What says which texts are there is checked when a shard is opened, the states when they are first used.
"""

# The types of torch are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import json
import math
import mmap
import os
import uuid
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spacetune.encoders.store.shards import Mapped, Shard, checksum_of
from spacetune.errors import FeatureStoreError
from spacetune.files import OPEN_FILES_STAY, write_file

__all__ = ["SMALL", "read_shard", "write_shard"]

SMALL = 4 << 20
"""Bytes below which a shard is small: many of them are merged."""

DTYPES = {
    "I64": torch.int64,
    "I32": torch.int32,
    "I8": torch.int8,
    "U8": torch.uint8,
    "BOOL": torch.bool,
    "BF16": torch.bfloat16,
    "F16": torch.float16,
    "F32": torch.float32,
    "F64": torch.float64,
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
PIECE = 8 << 20


def write_shard(home: Path, shard: Shard) -> Path:
    """Write a shard under a new name in a folder, whole or not at all.

    Raises `OSError` if it cannot be written.
    """
    tensors = shard.index | shard.states
    tensors = dict(sorted(tensors.items(), key=lambda item: -item[1].element_size()))  # each at a multiple of its size
    head = _head(shard, tensors)
    path = home / f"{uuid.uuid4().hex}-{zlib.crc32(head):08x}.safetensors"
    write_file(path, _pieces(head, tensors))
    return path


def _head(shard: Shard, tensors: dict[str, Tensor]) -> bytes:
    sums = {"index": str(checksum_of(shard.index)), "states": str(checksum_of(shard.states))}
    entries: dict[str, Any] = {"__metadata__": {"layers": json.dumps(shard.layers), **sums}}
    start = 0
    for name, tensor in tensors.items():
        stop = start + tensor.nbytes
        entries[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [start, stop],
        }
        start = stop
    text = json.dumps(entries).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def _pieces(head: bytes, tensors: dict[str, Tensor]) -> Iterator[bytes | memoryview]:
    yield head
    for tensor in tensors.values():
        flat = tensor.contiguous().flatten().view(torch.uint8)
        for piece in flat.split(PIECE):
            yield piece.numpy().data


def read_shard(path: Path) -> Shard:
    """Open a shard and check what says which texts are in it; its states are checked by `Shard.check`.

    Raises `FeatureStoreError` if it is damaged; `OSError` if it cannot be opened.
    """
    content, droppable = _map(path)
    size = 8 + int.from_bytes(content[:8].numpy().tobytes(), "little")
    if size > len(content) or f"{zlib.crc32(content[:size].numpy().data):08x}" != path.stem.rpartition("-")[2]:
        raise FeatureStoreError("the checksum of the head does not fit")
    entries = json.loads(content[8:size].numpy().tobytes())
    facts = entries.pop("__metadata__")
    if len(content) != size + max(entry["data_offsets"][1] for entry in entries.values()):
        raise FeatureStoreError("the end is missing")
    tensors = {name: _view(content[size:], **entry) for name, entry in entries.items()}
    mapped = Mapped(path, content, int(facts["states"]), droppable)
    shard = Shard(layers=tuple(json.loads(facts["layers"])), mapped=mapped, **tensors)
    if checksum_of(shard.index) != int(facts["index"]):
        raise FeatureStoreError("the checksum of the index does not fit")
    return shard


def _view(content: Tensor, dtype: str, shape: list[int], data_offsets: list[int]) -> Tensor:
    start = data_offsets[0]
    stop = start + math.prod(shape) * DTYPES[dtype].itemsize
    return content[start:stop].view(DTYPES[dtype]).view(shape)


def _map(path: Path) -> tuple[Tensor, bool]:
    """Map a file's bytes, private to this process, and say that they may be dropped from memory; no descriptor is kept.

    Where a mapped file could not be removed, small ones are read instead, and of the others the mapping only reads.
    """
    with path.open("rb") as file:  # says why, where a file cannot be opened
        size = os.fstat(file.fileno()).st_size
        if size < 8:
            raise FeatureStoreError("it is cut off")
        if OPEN_FILES_STAY:
            read = bytearray(file.read()) if size < SMALL else mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # nobody writes to it
                return torch.frombuffer(read, dtype=torch.uint8), not isinstance(read, bytearray)
    try:
        return torch.from_file(str(path), shared=False, size=size, dtype=torch.uint8), True
    except (RuntimeError, ValueError) as error:  # gone meanwhile, no memory left, or a name that is no UTF-8
        raise OSError(f"{path} cannot be mapped: {error}") from error
