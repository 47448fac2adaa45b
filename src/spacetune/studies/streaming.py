"""Results of any number of texts, written as they come: to one file, or to a folder of parts to go on from."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

from spacetune.data.blocks import Block, Survey, TextBlocks
from spacetune.data.labelled_texts import warn_of
from spacetune.data.parts import Parts, check_folder, open_parts
from spacetune.data.writing import TABLES, write
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.model_folder.writing import digest_of
from spacetune.progress import progress_bar
from spacetune.results import Result

__all__ = ["Stream", "Streamed", "model_run", "versions"]

VERSIONS = ("spacetune", "torch", "transformers")
T = TypeVar("T")
log = logging.getLogger("spacetune")


@dataclasses.dataclass(frozen=True)
class Streamed(Result):
    """What was written.

    Parameters
    ----------
    out
        The file, or the folder of parts.
    n_rows
        Rows read.
    n_parts
        Parts of the folder; None for a file.
    n_skipped
        Of the rows those whose parts were there already.
    n_errors
        Rows without a text, which were kept and marked.
    seconds
        Time it took.
    notes
        What was noticed in the texts.
    n_truncated
        Texts that were cut at the encoder's limit, skipped ones aside.
    """

    out: str
    n_rows: int
    n_parts: int | None
    n_skipped: int
    n_errors: int
    seconds: float
    notes: tuple[str, ...] = ()
    n_truncated: int = 0


@dataclasses.dataclass(frozen=True)
class Stream:
    """Where results go, block by block, and how they are written.

    Parameters
    ----------
    source
        The texts: what `read_texts` reads, a folder of tables, or `TextBlocks` of either.
    out
        A file, or a folder of parts: a name without an ending, or a folder that is there.
    of
        What is written, in a word: ``predictions``.
    resume
        Go on from the parts that are in the folder.
    progress
        Whether to show a bar; None shows it on a terminal.
    """

    source: object
    out: str | os.PathLike[str]
    of: str
    resume: bool = False
    progress: bool | None = None

    @property
    def blocks(self) -> TextBlocks:
        """The texts."""
        return self.source if isinstance(self.source, TextBlocks) else TextBlocks(self.source)

    @property
    def place(self) -> Path:
        """The file or folder."""
        return Path(self.out)

    @property
    def in_parts(self) -> bool:
        """Whether they go to a folder."""
        return self.place.is_dir() or not self.place.suffix

    def check(self, endings: tuple[str, ...] = tuple(TABLES)) -> None:
        """Raise `UsageError` where nothing can be written there, before any work."""
        if self.in_parts:
            check_folder(self.place, self.resume)
        elif self.resume:
            raise UsageError(f"only a folder can be gone on with; --resume has no use for the file {self.place.name}")
        elif self.place.suffix not in endings:
            raise UsageError(f"{self.of} go to a folder, or a file in {' or '.join(endings)}, got {self.place.name}")

    def write(
        self,
        make: Callable[[Block], T],
        pieces: Callable[[str, Iterator[T], Survey], Iterator[bytes]],
        run: Callable[[], Mapping[str, Any]],
        ending: str = ".parquet",
    ) -> Streamed:
        """Make something of every block, and write it.

        Parameters
        ----------
        make
            Makes it.
        pieces
            Makes bytes of what was made of consecutive blocks, for a file of this ending.
        run
            Says what the results depend on besides the texts, by name; parts of a run that differs are refused.
        ending
            Of the parts.

        Returns
        -------
        Streamed
            It does not know yet how many texts were cut.
        """
        began = time.perf_counter()
        blocks = self.blocks
        survey = blocks.survey(self.progress)
        warn_of(survey.notes)
        for note in survey.notes:
            log.info("! %s", note)
        skipped = 0
        if self.in_parts:
            about = {"of": self.of, "n_rows": survey.n_rows}
            with open_parts(
                self.place, self._run(run()), about, len(survey.sizes), ending, resume=self.resume
            ) as parts:
                skipped = self._write_parts(parts, survey, make, pieces)
        else:
            made = map(make, self._shown(blocks.read(survey), survey))
            write(self.place, pieces(self.place.suffix, made, survey))
        return Streamed(
            out=str(self.out),
            n_rows=survey.n_rows,
            n_parts=len(survey.sizes) if self.in_parts else None,
            n_skipped=skipped,
            n_errors=survey.n_errors,
            seconds=time.perf_counter() - began,
            notes=tuple(map(str, survey.notes)),
        )

    def _write_parts(
        self,
        parts: Parts,
        survey: Survey,
        make: Callable[[Block], T],
        pieces: Callable[[str, Iterator[T], Survey], Iterator[bytes]],
    ) -> int:
        """Write the parts that lack, and return the number of rows of those that were there."""
        first = parts.n_finished
        skipped = sum(survey.sizes[:first])
        try:
            for part, block in enumerate(self._shown(self.blocks.read(survey, first), survey, skipped), start=first):
                parts.write(part, pieces(parts.ending, iter([make(block)]), survey))
        except KeyboardInterrupt:
            if (n := parts.n_finished) > 0:
                log.warning("%d of %d parts in %s are kept: --resume goes on", n, parts.number, parts.folder)
            raise
        return skipped

    def _run(self, run: Mapping[str, Any]) -> dict[str, Any]:
        fields = {field.name: getattr(self.blocks, field.name) for field in dataclasses.fields(TextBlocks)}
        reading = {name: value for name, value in fields.items() if name not in ("source", "size")}
        about = {"input": self.blocks.digest(), "reading": reading, "block size": self.blocks.size}
        return {"of": self.of, **about, **run, "versions": versions()}

    def _shown(self, blocks: Iterator[Block], survey: Survey, done: int = 0) -> Iterator[Block]:
        with progress_bar(survey.n_rows, self.of, "rows", show=self.progress, done=done) as bar:
            for block in blocks:
                yield block
                bar.update(len(block))


def versions() -> dict[str, str]:
    """Return the versions of what makes the numbers."""
    return {name: importlib.metadata.version(name) for name in ("spacetune", "torch", "transformers")}


def model_run(model: TextEstimator) -> dict[str, Any]:
    """Return what a model's results depend on, for `Stream.write`."""
    provenance = model.encoder_.provenance(model.layers_ or ())
    return {"model": digest_of(model.to_save()), "encoder": dataclasses.asdict(provenance)}
