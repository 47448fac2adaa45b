"""The two encoders that studies are run on: the default one, and all-mpnet-base-v2 where its folder is named."""

from __future__ import annotations

from benchmarks.second_encoder import NAME, VARIABLE, second_encoder

from spacetune import Encoder


def opened(*, second: bool, dtype: str = "auto") -> Encoder:
    """Return the default encoder, or the second one."""
    if not second:
        return Encoder.from_pretrained(dtype=dtype)
    if (folder := second_encoder()) is None:
        raise SystemExit(f"{VARIABLE} must name the folder of all-mpnet-base-v2: see benchmarks/second_encoder.py")
    return Encoder.from_pretrained(folder, dtype=dtype)


def named(encoder: Encoder, *, second: bool) -> str:
    """Return what results call the encoder."""
    return NAME if second else encoder.name


def stem(name: str, *, second: bool) -> str:
    """Return the name of a study's files.

    >>> stem("ladder", second=True)
    'ladder_second'
    """
    return f"{name}_second" if second else name
