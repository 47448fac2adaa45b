"""Texts as single vectors, as sentence-transformers makes them of the same folder."""

# The types of torch and NumPy are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F

from spacetune.encoders.given import Texts
from spacetune.encoders.loading.stated import in_one_line, stated_object
from spacetune.encoders.reads import Reads
from spacetune.encoders.sentences.folder import SentenceRecipe, read_recipe
from spacetune.encoders.sentences.pooling import pool
from spacetune.encoders.tokenizing import TextInput, as_inputs, each_once
from spacetune.errors import DataError, EncoderError, UsageError

__all__ = ["Embedder", "PooledText"]


@dataclasses.dataclass(frozen=True)
class PooledText:
    """One text through the encoder: its pooled states, its tokens as they were read, whether it was cut."""

    pooled: np.ndarray[Any, Any]
    n_tokens: int
    truncated: bool


class Embedder:
    """Makes one vector per text from an encoder's states: prompt, pooling, and the modules after it.

    A text is read in one window, up to the limit that the encoder's makers set; the rest is cut off.

    Parameters
    ----------
    encoder
        The encoder.
    """

    def __init__(self, encoder: Reads) -> None:
        source = encoder.source
        config = stated_object(source.folder / "config.json")
        self.name = encoder.name
        self.recipe: SentenceRecipe = read_recipe(source.home, source.folder, config)
        self._reader = encoder.reading(lowercase=self.recipe.lowercase)
        width = torch.zeros(1, encoder.dim * len(self.recipe.pooling))
        self.dim: int = self._stepped(width, left_out=0).shape[1]

    def prompt(self, prompt: str | None = None, prompt_name: str | None = None) -> str:
        """Return what stands before every text: this prompt, the one of this name, or the encoder's usual one.

        Raises
        ------
        UsageError
            If both are given, or none has that name.
        EncoderError
            If the prompt holds a special token, which would be read as plain text.
        """
        if prompt is not None and prompt_name is not None:
            raise UsageError("give a prompt or the name of one, not both")
        if prompt is not None:
            if not isinstance(cast("Any", prompt), str):
                raise UsageError(f"a prompt must be a text, got {in_one_line(prompt)}")
            return prompt
        name = self.recipe.default_prompt if prompt_name is None else prompt_name
        if name is not None and name not in self.recipe.prompts:
            known = ", ".join(map(repr, self.recipe.prompts)) or "none"
            raise UsageError(f"{self.name} has no prompt {in_one_line(name)}; it has {known}")
        found = "" if name is None else self.recipe.prompts[name]
        special = self._reader.tokenizing.special_in(found)
        if special:
            raise EncoderError(
                f"the prompt {in_one_line(name)} of {self.name} holds the special token {special}, which is read as "
                "plain text here; pass the prompt itself to have it so"
            )
        return found

    def pooled(self, texts: Texts, prompt: str | None = None, prompt_name: str | None = None) -> list[PooledText]:
        """Read texts or pairs and pool their states; equal ones go through the encoder once.

        Raises
        ------
        DataError
            If there are none.
        UsageError
            If the prompt leaves no token for a text.
        """
        inputs = as_inputs(texts)
        if not inputs:
            raise DataError("there are no texts to encode")
        before = self.prompt(prompt, prompt_name)
        skip = 0 if self.recipe.include_prompt or not before else self._reader.tokenizing.prompt_length(before)
        different, places = each_once([_after(before, row) for row in inputs])
        rows: list[PooledText] = []
        for run in self._reader.encode_runs(different, progress=False):
            lengths = run.lengths
            if skip and bool((lengths <= skip).any()):
                raise UsageError(
                    f"the prompt takes all of the {self._reader.max_length} tokens that are read of a text"
                )
            vectors = pool(run.values[:, 0], run.offsets, self.recipe.pooling, skip).numpy()
            cut = [False] * len(run) if run.truncated is None else run.truncated.tolist()
            rows += [PooledText(*each) for each in zip(vectors, lengths.tolist(), cut, strict=True)]
        return [rows[place] for place in places]

    def vectors(
        self, pooled: Sequence[PooledText], *, dimensions: int | None = None, normalize: bool | None = None
    ) -> np.ndarray[Any, Any]:
        """Make the vectors of pooled texts, ``(text, dim)`` in float32.

        Parameters
        ----------
        pooled
            From `pooled`.
        dimensions
            How many numbers a vector keeps, where the encoder declares that it can be cut.
        normalize
            True scales every vector to length 1, False leaves out a scaling at the end of the encoder's modules, None
            does as they do.

        Raises
        ------
        UsageError
            If the encoder does not declare that it can be cut to that.
        """
        size = self.size(dimensions)
        steps = self.recipe.steps
        left_out = 1 if normalize is False and steps and steps[-1][0] == "Normalize" else 0
        made = self._stepped(torch.as_tensor(np.stack([text.pooled for text in pooled])), left_out)[:, :size]
        return (F.normalize(made, dim=1) if normalize else made).numpy()

    def size(self, dimensions: int | None) -> int:
        """Return how many numbers a vector has, asked for or unasked.

        Raises
        ------
        UsageError
            If the encoder does not declare that it can be cut to that.
        """
        usual, cuts = min(self.recipe.dimensions or self.dim, self.dim), self.recipe.cuts
        if dimensions is None:
            return usual
        if isinstance(cast("Any", dimensions), bool) or not isinstance(cast("Any", dimensions), int):
            raise UsageError(f"dimensions must be a whole number, got {in_one_line(dimensions)}")
        if not 1 <= dimensions <= self.dim:
            raise UsageError(f"dimensions must lie between 1 and {self.dim} for {self.name}, got {dimensions}")
        if dimensions in (usual, self.dim) or cuts is True or (cuts and dimensions in cuts):
            return dimensions
        if cuts:
            able = ", ".join(map(str, sorted(cuts)))
            raise UsageError(f"{self.name} can be cut to {able} numbers, not to {dimensions}")
        raise UsageError(
            f"{self.name} does not declare that its {self.dim} numbers can be cut, and was asked for {dimensions}; "
            "leave dimensions out"
        )

    def _stepped(self, vectors: torch.Tensor, left_out: int) -> torch.Tensor:
        with torch.inference_mode():
            for _, step in self.recipe.steps[: len(self.recipe.steps) - left_out]:
                vectors = step(vectors)
        return vectors


def _after(prompt: str, row: TextInput) -> TextInput:
    return prompt + row if isinstance(row, str) else (prompt + row[0], row[1])
