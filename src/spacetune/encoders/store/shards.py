"""One shard: the features of a run of texts in one safetensors file, written whole, checked when first used."""

from __future__ import annotations

import dataclasses
import json
import mmap
import os
import zlib
from pathlib import Path
from typing import Any, Literal

import numpy as np
import safetensors
import safetensors.torch
import torch
from torch import Tensor

from spacetune.encoders.token_features import TokenFeatures
from spacetune.errors import FeatureStoreError

__all__ = ["Form", "Shard", "read_shard", "write_shard"]

Form = Literal["full", "int8"]
"""``full``: the encoder's own dtype. ``int8``: one byte a value and one scale a token and layer."""

_NUMPY = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32, "F64": np.float64, "I8": np.int8}


@dataclasses.dataclass
class Shard:
    """A shard open for reading; its values stay on disk and are mapped.

    Parameters
    ----------
    path
        The file.
    layers
        Layers in it, ascending.
    hashes
        ``(n_texts, 16)`` bytes: which texts.
    offsets
        ``(n_texts + 1,)``: where each starts.
    token_ids
        ``(n_tokens,)``.
    values
        ``(n_tokens, n_layers, dim)``, mapped.
    scales
        ``(n_tokens, n_layers)`` for the int8 form, else None.
    truncated
        ``(n_texts,)``: whether a text was cut.
    mapped
        The mapping behind `values`.
    checksum
        What the content must sum up to.
    checked
        Whether it was found to.
    """

    path: Path
    layers: tuple[int, ...]
    hashes: np.ndarray
    offsets: Tensor
    token_ids: Tensor
    values: Tensor
    scales: Tensor | None
    truncated: Tensor
    mapped: mmap.mmap
    checksum: str
    checked: bool = False

    def rows(self, text: int, columns: list[int] | slice) -> Tensor:
        """Return one text's values ``(n_tokens, layers, dim)``."""
        start, stop = int(self.offsets[text]), int(self.offsets[text + 1])
        values = self.values[start:stop, columns]
        if self.scales is None:
            return values
        return (values.float() * self.scales[start:stop, columns].float().unsqueeze(2)).to(torch.bfloat16)

    def ids(self, text: int) -> Tensor:
        """Return one text's token ids."""
        return self.token_ids[int(self.offsets[text]) : int(self.offsets[text + 1])]

    def check(self) -> None:
        """Read every byte once and compare with the checksum.

        Raises
        ------
        FeatureStoreError
            If it is damaged; the file is named.
        """
        if self.checked:
            return
        tensors = {"hashes": torch.from_numpy(self.hashes), "offsets": self.offsets, "token_ids": self.token_ids}
        tensors |= {"truncated": self.truncated, "values": self.values}
        if self.scales is not None:
            tensors["scales"] = self.scales
        if str(_checksum(tensors)) != self.checksum:
            raise FeatureStoreError(f"the cached features in {self.path} are damaged (their checksum does not fit)")
        self.checked = True
        os.utime(self.path)
        self.forget()

    def forget(self) -> None:
        """Let the system drop the mapped pages from this process; they are read again when needed."""
        if hasattr(mmap, "MADV_DONTNEED"):
            self.mapped.madvise(mmap.MADV_DONTNEED)


def write_shard(path: Path, features: TokenFeatures, hashes: np.ndarray, form: Form) -> None:
    """Write a shard under a temporary name, sync it, and rename it into place."""
    assert features.provenance is not None
    assert features.token_ids is not None
    assert features.truncated is not None
    tensors = {
        "hashes": torch.from_numpy(hashes),
        "offsets": features.offsets,
        "token_ids": features.token_ids,
        "truncated": features.truncated,
        "values": features.values.contiguous(),
    }
    if form == "int8":
        wide = features.values.float()
        scales = (wide.abs().amax(2) / 127).clamp(min=1e-12)
        tensors["values"] = (wide / scales.unsqueeze(2)).round().to(torch.int8)
        tensors["scales"] = scales
    facts = {"layers": json.dumps(features.provenance.layers), "checksum": str(_checksum(tensors))}
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        safetensors.torch.save_file(tensors, unfinished, metadata=facts)
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        raise FeatureStoreError(f"{path.parent} cannot be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)


def read_shard(path: Path) -> Shard:
    """Open a shard; its content is checked when it is first used.

    Raises
    ------
    FeatureStoreError
        If it cannot be read; the file is named.
    """
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            facts = file.metadata() or {}
            small = {name: file.get_tensor(name) for name in file.keys() if name != "values"}  # noqa: SIM118
        values, mapped = _map_values(path)
        return Shard(
            path=path,
            layers=tuple(json.loads(facts["layers"])),
            hashes=small["hashes"].numpy(),
            offsets=small["offsets"],
            token_ids=small["token_ids"],
            values=values,
            scales=small.get("scales"),
            truncated=small["truncated"],
            mapped=mapped,
            checksum=facts["checksum"],
        )
    except (safetensors.SafetensorError, KeyError, ValueError, OSError) as error:
        raise FeatureStoreError(f"the cached features in {path} are damaged ({error})") from error


def _map_values(path: Path) -> tuple[Tensor, mmap.mmap]:
    with path.open("rb") as file:
        header_size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(header_size))
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    about: dict[str, Any] = header["values"]
    kind = _NUMPY[about["dtype"]]
    start, stop = about["data_offsets"]
    count = (stop - start) // np.dtype(kind).itemsize
    flat = np.frombuffer(mapped, dtype=kind, count=count, offset=8 + header_size + start)
    values = torch.from_numpy(flat)
    if about["dtype"] == "BF16":
        values = values.view(torch.bfloat16)
    return values.view(about["shape"]), mapped


def _checksum(tensors: dict[str, Tensor]) -> int:
    total = 0
    for name in sorted(tensors):
        total = zlib.crc32(tensors[name].contiguous().view(torch.uint8).numpy().data, total)
    return total
