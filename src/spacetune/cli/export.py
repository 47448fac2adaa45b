"""The command ``export``: a saved model as an ONNX graph, or as a folder for transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spacetune.cli.guarded import AsJson, guarded, quiet_libraries, show
from spacetune.cli.loading import ModelEncoder, load
from spacetune.errors import UsageError

__all__ = ["export"]


@guarded
def export(
    model: Annotated[str, typer.Argument(help="Folder of a saved model.")],
    onnx: Annotated[Path | None, typer.Option("--onnx", help="New folder for a graph and what runs it.")] = None,
    transformers: Annotated[
        Path | None, typer.Option("--transformers", help="New folder that transformers can load.")
    ] = None,
    int8: Annotated[bool, typer.Option("--int8", help="With --onnx: weights as 8-bit numbers.")] = False,
    encoder: ModelEncoder = None,
    as_json: AsJson = False,
) -> None:
    """Write a saved model as an ONNX graph or for transformers, and compare what was written with the model."""
    if (onnx is None) == (transformers is None):
        raise UsageError("name where to write, by one of --onnx FOLDER and --transformers FOLDER")
    if int8 and onnx is None:
        raise UsageError("--int8 is for a graph: it goes with --onnx")
    quiet_libraries()

    fitted = load(model, encoder)
    if onnx is not None:
        from spacetune.bridges.onnx import export_onnx

        show(export_onnx(fitted, onnx, int8=int8), as_json)
    elif transformers is not None:
        from spacetune.bridges.transformers import export_transformers

        show(export_transformers(fitted, transformers), as_json)
