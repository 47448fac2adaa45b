"""Tables at an address, as in ``s3://bucket/table.parquet``: copied by fsspec, and then read as any file."""

# The types of fsspec are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import atexit
import os
import posixpath
import re
import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from spacetune.errors import DataError, printable
from spacetune.progress import progress_bar

if TYPE_CHECKING:
    from fsspec import AbstractFileSystem

__all__ = ["is_address", "local_copy"]

ADDRESS = re.compile(r"[a-z][a-z0-9+.-]+:[\\/]+[^\\/]", re.IGNORECASE)
"""A scheme of two characters at least, so that a drive's letter is none; a path keeps one slash, Windows' turns it."""

_copies: dict[tuple[str, tuple[str, ...]], Path] = {}


def is_address(source: str) -> bool:
    """Tell whether this names a scheme, as no file does that is there.

    >>> is_address("s3://bucket/a.csv"), is_address("memory://a.csv"), is_address("C:/a.csv"), is_address("a.csv")
    (True, True, False, False)
    """
    return ADDRESS.match(source) is not None and not os.path.exists(source)


def local_copy(address: str, endings: Collection[str]) -> Path:
    """Copy a file, or the tables of a folder, and return where it lies; it goes when the process ends.

    What has not changed since is copied once a process. `endings` are those of a folder's tables.

    Raises
    ------
    DataError
        If the scheme is not known here, its package is not installed, or nothing can be read at the address.
    """
    import fsspec

    scheme, _, rest = (address.replace("\\", "/") if os.name == "nt" else address).partition(":")
    url, told = f"{scheme}://{rest.lstrip('/')}" if scheme != "file" else address, printable(address)
    if scheme.lower() in ("http", "https"):  # as texts often are: what is only asked about is not fetched
        raise DataError(f"{told} is a page's address; download it, and give the file")
    try:
        system, inner = fsspec.core.url_to_fs(url)
        files = _files(system, inner, endings)
        key = (address, tuple(str(system.ukey(file)) for file in files))
        if key not in _copies:
            _copies[key] = _copied(system, inner, files)
    except ImportError as error:
        raise DataError(f"{told} cannot be read here: {error}") from error
    except ValueError as error:
        raise DataError(f"{told} cannot be read: {error}; copy it to a file, and give this") from error
    except FileNotFoundError as error:
        raise DataError(f"{told} does not exist, or is not to be seen from here") from error
    except Exception as error:  # whatever a service's own package raises
        raise DataError(f"{told} cannot be read: {type(error).__name__}: {error}") from error
    return _copies[key]


def _files(system: AbstractFileSystem, inner: str, endings: Collection[str]) -> list[str]:
    if not system.isdir(inner):
        return [inner]
    names = sorted(entry["name"] for entry in system.ls(inner, detail=True) if entry["type"] == "file")
    found = [name for name in names if name.lower().removesuffix(".gz").endswith(tuple(endings))]
    if not found:
        raise ValueError(f"it is a folder that holds no {', '.join(sorted(endings))}")
    return found


def _copied(system: AbstractFileSystem, inner: str, files: list[str]) -> Path:
    folder = Path(tempfile.mkdtemp(prefix="spacetune-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    place = folder / (posixpath.basename(inner.rstrip("/")) or "tables")
    sizes = [int(system.info(file).get("size") or 0) for file in files]
    with progress_bar(sum(sizes) // 1_000_000, "copying", "MB") as bar:
        for file, size in zip(files, sizes, strict=True):
            target = place if files == [inner] else place / posixpath.basename(file)
            target.parent.mkdir(parents=True, exist_ok=True)
            system.get_file(file, str(target))
            bar.update(size // 1_000_000)
    return place
