"""Results of any number of texts, written as they come: to one file, or to a folder of parts to go on from."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import logging
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Generic, TypeVar

from tqdm import tqdm

from spacetune.bridges.ray import by_engine, check_engine
from spacetune.data.block_reader import BlockReader
from spacetune.data.blocks import Block, Survey, TextBlocks
from spacetune.data.labelled_texts import warn_of
from spacetune.data.parts import Parts, check_folder, open_parts
from spacetune.data.writing import TABLES, write
from spacetune.errors import UsageError
from spacetune.estimators import TextEstimator
from spacetune.estimators.runs import versions
from spacetune.model_folder.writing import digest_of
from spacetune.progress import progress_bar
from spacetune.results import RecordResult

__all__ = ["Stream", "Streamed", "look_over", "model_run"]

T = TypeVar("T")
Make = Callable[[Block], tuple[T, int]]
Pieces = Callable[[str, Iterator[T], Survey], Iterator[bytes]]
log = logging.getLogger("spacetune")


@dataclasses.dataclass(frozen=True)
class Streamed(RecordResult):
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
    engine, workers
        ``local`` is this process; ``ray``, or the ``ray://`` address of a cluster, and how many processes there.
    """

    source: object
    out: str | os.PathLike[str]
    of: str
    resume: bool = False
    progress: bool | None = None
    engine: str = "local"
    workers: int | None = None

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
        check_engine(self.engine, self.workers)
        if self.engine != "local" and not self.in_parts:
            raise UsageError(f"workers of Ray write parts: name a folder, not the file {self.place.name}")
        if self.in_parts:
            check_folder(self.place, self.resume)
        elif self.resume:
            raise UsageError(f"--resume continues a folder of parts only; leave it out for the file {self.place.name}")
        elif self.place.suffix not in endings:
            raise UsageError(f"{self.of} go to a folder, or a file in {' or '.join(endings)}, got {self.place.name}")

    def write(
        self,
        make: Make[T],
        pieces: Pieces[T],
        run: Callable[[], Mapping[str, Any]],
        ending: str = ".parquet",
    ) -> Streamed:
        """Make something of every block, and write it.

        Parameters
        ----------
        make
            Makes it, and says how many texts of the block were cut.
        pieces
            Makes bytes of what was made of consecutive blocks, for a file of this ending.
        run
            Says what the results depend on besides the texts, by name; parts of a run that differs are refused.
        ending
            Of the parts.

        Returns
        -------
        Streamed
            What was written.
        """
        began = time.perf_counter()
        blocks = self.blocks
        survey = look_over(blocks, self.progress)
        made = _Made(make, pieces, BlockReader(blocks, survey))
        with contextlib.ExitStack() as held:
            parts, missing, skipped = None, [], 0
            if self.in_parts:
                about = {"of": self.of, "n_rows": survey.n_rows}
                fingerprint, number = self._run(run()), len(survey.sizes)
                parts = held.enter_context(
                    open_parts(self.place, fingerprint, about, number, ending, resume=self.resume)
                )
                missing = parts.to_write(survey.sizes if self.of == "predictions" else None)
                skipped = survey.n_rows - sum(survey.sizes[part] for part in missing)
            bar = held.enter_context(progress_bar(survey.n_rows, self.of, "rows", show=self.progress, done=skipped))
            n_cut = self._write_parts(made, parts, missing, bar) if parts else made.write_file(self.place, bar)
        return Streamed(
            out=str(self.out),
            n_rows=survey.n_rows,
            n_parts=len(survey.sizes) if self.in_parts else None,
            n_skipped=skipped,
            n_errors=survey.n_errors,
            seconds=time.perf_counter() - began,
            notes=tuple(map(str, survey.notes)),
            n_truncated=n_cut,
        )

    def _write_parts(self, made: _Made[Any], parts: Parts, missing: list[int], bar: tqdm[Any]) -> int:
        """Write the parts that lack, here or by Ray's workers; return how many texts were cut."""
        write: Callable[[int], tuple[int, int]] = functools.partial(made.write_part, parts)
        n_cut = 0
        try:
            for _, (n_rows, cut) in by_engine(write, missing, self.engine, self.workers):
                bar.update(n_rows)
                n_cut += cut
        except KeyboardInterrupt:
            if (kept := parts.number - len(parts.missing)) > 0:
                log.warning("%d of %d parts in %s are kept: --resume goes on", kept, parts.number, parts.folder)
            raise
        return n_cut

    def _run(self, run: Mapping[str, Any]) -> dict[str, Any]:
        fields = {field.name: getattr(self.blocks, field.name) for field in dataclasses.fields(TextBlocks)}
        reading = {name: value for name, value in fields.items() if name not in ("source", "size")}
        about = {"input": self.blocks.digest(), "reading": reading, "block size": self.blocks.size}
        return {"of": self.of, **about, **run, "versions": versions()}


@dataclasses.dataclass
class _Made(Generic[T]):
    """What is made of the blocks, and how it becomes bytes."""

    make: Make[T]
    pieces: Pieces[T]
    reader: BlockReader

    def write_file(self, place: Path, bar: tqdm[Any]) -> int:
        """Write one file of all blocks; return how many texts were cut."""
        cut: list[int] = []

        def each() -> Iterator[T]:
            for block in self.reader.blocks.read(self.reader.survey):
                made, n_cut = self.make(block)
                cut.append(n_cut)
                yield made
                bar.update(len(block))

        write(place, self.pieces(place.suffix, each(), self.reader.survey))
        return sum(cut)

    def write_part(self, parts: Parts, part: int) -> tuple[int, int]:
        """Write the part of a block; return its number of rows, and how many texts were cut."""
        block = self.reader.read(part)
        made, cut = self.make(block)
        parts.write(part, self.pieces(parts.ending, iter([made]), self.reader.survey))
        return len(block), cut


def look_over(blocks: TextBlocks, progress: bool | None = None) -> Survey:
    """Look over all rows, and say what was noticed; see `TextBlocks.survey`."""
    survey = blocks.survey(progress)
    warn_of(survey.notes)
    for note in survey.notes:
        log.info("! %s", note)
    return survey


def model_run(model: TextEstimator) -> dict[str, Any]:
    """Return what a model's results depend on, for `Stream.write`."""
    provenance = model.encoder_.provenance(model.layers_ or ())
    return {"model": digest_of(model.to_save()), "encoder": dataclasses.asdict(provenance)}
