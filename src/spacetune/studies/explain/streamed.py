"""Explanations of any number of texts, written as they come."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator

from spacetune.data.blocks import Block, Survey, TextBlocks
from spacetune.data.writing import Columns, columns_of, table_pieces, type_of
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.explanations import At
from spacetune.studies.arguments import checked_arguments
from spacetune.studies.streaming import Stream, Streamed, model_run

__all__ = ["explain_file"]

SIZE = 1_000
"""Texts that are explained at a time at most: each takes some 10 kB."""


@checked_arguments
def explain_file(
    model: TextEstimator,
    source: object,
    out: str | os.PathLike[str],
    *,
    at: At | None = None,
    resume: bool = False,
    progress: bool | None = None,
    engine: str = "local",
    workers: int | None = None,
) -> Streamed:
    """Explain texts of any number: one row a token, and one for the bias, with the text's number, counted from 0.

    Parameters
    ----------
    model
        A fitted estimator.
    source, out, resume, progress, engine, workers
        As for `predict_file`; of the columns that the texts came with those stay that `TextBlocks` names, by every
        token of their text: none by default.
    at
        Where the tokens are looked at, as for ``model.explain``.

    Returns
    -------
    Streamed
        What was written.

    Raises
    ------
    DataError
        If the texts cannot be read.
    UsageError
        If `out` is no such place, rows without a text are to be kept (there is nothing to explain), or a column that
        is to stay is called like one of an explanation's own.
    """
    blocks = source if isinstance(source, TextBlocks) else TextBlocks(source)
    blocks = dataclasses.replace(blocks, size=min(blocks.size, SIZE), columns=blocks.columns or ())
    stream = Stream(blocks, out, "explanations", resume, progress, engine, workers)
    if blocks.on_error == "keep":
        raise UsageError("a row without a text has no explanation to keep; take on_error='stop'")
    stream.check()
    own = columns_of(model.explain([""] if not model.fitted_.pairs else [("", "")], at=at).rows())
    if taken := sorted(set(blocks.columns or ()) & set(own)):
        raise UsageError(f"the column {taken[0]!r} cannot stay: explanations have one of that name; rename it")

    def make(block: Block) -> tuple[Columns, int]:
        kept = block.texts.columns
        rows = model.explain(block.texts.inputs, at=at).rows()
        beside = [{name: values[row["text"]] for name, values in kept.items()} for row in rows]
        numbered = ({**row, "text": block.before + row["text"]} for row in rows)
        return columns_of([{**mine, **row} for mine, row in zip(beside, numbered, strict=True)]), 0

    def pieces(ending: str, tables: Iterator[Columns], survey: Survey) -> Iterator[bytes]:
        kept = {name: survey.types[name] for name in blocks.columns or ()}
        return table_pieces(ending, tables, {**kept, **{name: type_of(values) for name, values in own.items()}})

    return stream.write(make, pieces, lambda: {**model_run(model), "at": at})
