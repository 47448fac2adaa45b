"""`Encoder`: a frozen pretrained Transformer that turns texts into token features."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from spacetune.encoders.adapters.prefixed import Adapter, PrefixedEncoder
from spacetune.encoders.batching import runs_of, token_batches
from spacetune.encoders.embedding import Embedder
from spacetune.encoders.loading import load_encoder
from spacetune.encoders.machine import choose_dtype
from spacetune.encoders.packed import PackedBatch
from spacetune.encoders.ragged import offsets_of
from spacetune.encoders.resolving import DEFAULT_ENCODER, EncoderSource, locate
from spacetune.encoders.sentence_folder import copy_recipe
from spacetune.encoders.token_features import Provenance, TokenFeatures
from spacetune.encoders.tokenizing import TextInput, Tokenized, TokenSpans, as_inputs, each_once
from spacetune.encoders.tracing import Tracer, make_tracer
from spacetune.errors import DataError, EncoderError, UsageError
from spacetune.progress import progress_bar

__all__ = ["Encoder", "Layers"]

Layers = int | Sequence[int] | Literal["all"]
"""One layer, several, or all: 0 is the embeddings, ``n_layers`` (or -1) the last."""

TOKEN_BUDGET = 2048
RUN_BYTES = 128 << 20
RUN_TEXTS = 16_384
MAX_WINDOWS = 16


class Encoder:
    """A frozen encoder: runs without gradients, in eval mode, the same for a text whatever is beside it, to rounding.

    Make one with `from_pretrained`.

    Attributes
    ----------
    name
        The name or folder it was asked for by.
    n_layers
        Transformer layers; layer 0 is the embeddings.
    dim
        Width of a hidden state.
    max_length
        Tokens of one window, special tokens included: what goes through the network at a time.
    max_windows
        How many windows of a long text are read; what follows is cut off, and counted.
    dtype
        What it computes in.
    """

    def __init__(self, source: EncoderSource, loaded: Any, max_length: int, max_windows: int = 1) -> None:
        self.source = source
        self.name = source.name
        self.max_length, self.max_windows = max_length, max_windows
        self.n_layers: int = loaded.n_layers
        self.dim: int = loaded.dim
        self.dtype: torch.dtype = loaded.dtype
        self.device: torch.device = loaded.device
        self.family: str = loaded.family
        self._loaded = loaded
        self._tokenizing = loaded.tokenizing(max_length, max_windows)
        self._tracers: dict[torch.dtype, Tracer] = {}

    @classmethod
    def from_pretrained(
        cls,
        name: str | os.PathLike[str] | None = None,
        *,
        revision: str | None = None,
        dtype: str = "auto",
        device: str = "auto",
        max_length: int | None = None,
        max_windows: int | None = None,
        token: str | None = None,
        cache_dir: str | None = None,
        local_files_only: bool = False,
        trust_remote_code: bool = False,
    ) -> Encoder:
        """Load an encoder by folder or hub name; None is the default, all-MiniLM-L6-v2.

        Looked for in this order: a local folder, the hub's cache, the bundled package, the hub.

        Parameters
        ----------
        name
            A folder with `config.json` and `model.safetensors`, or a name on the hub.
        revision
            Branch, tag or commit on the hub.
        dtype
            ``float32``, ``bfloat16``, or ``auto``: bfloat16 where this machine has it natively and it wins.
        device
            ``cpu``, ``cuda``, …, or ``auto``.
        max_length
            Tokens of one window, special tokens included; None takes the encoder's own limit.
        max_windows
            How many such windows of a long text are read, one after the other, each on its own; what follows is cut
            off. None is 16, or 1 where `max_length` is given: a text is then cut there. The number is our choice.
        token
            Access token for the hub.
        cache_dir
            The hub's cache folder.
        local_files_only
            Never ask the hub: look at the folder, the hub's cache and the bundled package only.
        trust_remote_code
            Let code that comes with the weights run. Leave it off unless you have read that code.

        Returns
        -------
        Encoder
            Ready to encode.

        Raises
        ------
        EncoderError
            If it is not found, damaged, or not an encoder.

        Examples
        --------
        >>> encoder = Encoder.from_pretrained(dtype="float32")
        >>> encoder.encode(["Two hours I will not get back."])
        TokenFeatures(1 texts, 10 tokens, 1 layer(s) of 384, float32)
        """
        source, loaded = load_encoder(
            name or DEFAULT_ENCODER,
            revision=revision,
            dtype=dtype,
            device=device,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            trust_remote_code=trust_remote_code,
        )
        limit = loaded.max_length if max_length is None else max_length
        if not loaded.shortest <= limit <= loaded.longest:
            raise UsageError(
                f"max_length must lie between {loaded.shortest} and {loaded.longest} for {source.name}, got {limit}"
            )
        if max_windows is not None and max_windows < 1:
            raise UsageError(f"max_windows must be at least 1, got {max_windows}")
        usual = MAX_WINDOWS if max_length is None else 1
        return cls(source, loaded, limit, usual if max_windows is None else max_windows)

    def __repr__(self) -> str:
        dtype = str(self.dtype).removeprefix("torch.")
        return f"Encoder({self.name!r}, {self.n_layers} layers of {self.dim}, {dtype}, from {self.source.origin})"

    def __sklearn_clone__(self) -> Encoder:  # an encoder is shared, never copied
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Encoder:
        return self

    def __reduce__(self) -> tuple[Any, ...]:  # a pickle holds the name, not the weights
        if self.source.in_memory:
            raise EncoderError(f"a {self.source.origin} encoder has no name to be pickled by; use save_pretrained")
        name = str(self.source.home) if self.source.origin == "folder" else self.source.name
        dtype = str(self.dtype).removeprefix("torch.")
        return _by_name, (name, self.source.revision, dtype, self.max_length, self.max_windows)

    @property
    def longest(self) -> int:
        """Tokens above which a text is cut: those of all windows together."""
        return self.max_length * self.max_windows

    def reading(self, *, lowercase: bool) -> Encoder:
        """Return the encoder as `embed` reads: one window a text, of the full length where none was chosen."""
        held = self._loaded
        other = type(self)(
            self.source, held, held.full_length if self.max_length == held.max_length else self.max_length
        )
        if lowercase:
            other._tokenizing = held.tokenizing(other.max_length, 1, lowercase=True)
        return other

    @functools.cached_property
    def embedder(self) -> Embedder:
        """What makes one vector a text of this encoder's states, made when first asked for.

        Raises
        ------
        EncoderError
            If its folder asks for something not known here; what that is is named.
        """
        return Embedder(self)

    def embed(
        self,
        texts: Any,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        dimensions: int | None = None,
        normalize: bool | None = None,
    ) -> np.ndarray[Any, Any]:
        """Return one vector a text, as sentence-transformers makes it of the same folder.

        Pooling, prompts, lower case and the modules behind the pooling are read from the folder; one that says nothing
        of them is pooled by the mean. None of this touches `encode`, nor the classifiers, which read token states.

        Parameters
        ----------
        texts
            Strings, or pairs of strings; what is over the encoder's limit is cut off.
        prompt
            What to put before every text; None is the encoder's usual prompt, if it has one.
        prompt_name
            The name of one of the encoder's prompts.
        dimensions
            How many numbers a vector keeps, where the encoder declares that it can be cut.
        normalize
            True scales every vector to length 1, False leaves out a scaling at the end of the encoder's modules, None
            does as they do.

        Returns
        -------
        numpy.ndarray
            ``(text, dim)`` in float32.

        Raises
        ------
        UsageError
            If the encoder has no such prompt, or does not declare that it can be cut.
        EncoderError
            If its folder asks for a module not known here.

        Examples
        --------
        >>> Encoder.from_pretrained(dtype="float32").embed(["a text", "another"]).shape
        (2, 384)
        """
        rows = self.embedder.pooled(texts, prompt, prompt_name)
        return self.embedder.vectors(rows, dimensions=dimensions, normalize=normalize)

    def special_in(self, text: str) -> str | None:
        """Return a special token whose name stands in a text, if one does."""
        return self._tokenizing.special_in(text)

    def prompt_length(self, prompt: str) -> int:
        """Return how many of a text's first tokens a prompt takes, as sentence-transformers counts them."""
        return self._tokenizing.prompt_length(prompt)

    @functools.cached_property
    def single_pass(self) -> Encoder:
        """The same encoder reading one window a text, for what must see a text in one pass."""
        if self.max_windows == 1:
            return self
        other = type(self)(self.source, self._loaded, self.max_length)
        other._tracers = self._tracers
        return other

    def resolve_layers(self, layers: Layers) -> tuple[int, ...]:
        """Turn a layer choice into layer numbers from 0, each once, ascending.

        Raises
        ------
        UsageError
            If a layer does not exist.
        """
        chosen: Any = [layers] if isinstance(layers, Integral) else layers
        if isinstance(layers, str):
            chosen = range(self.n_layers + 1) if layers == "all" else None
        numbers = (
            [int(i) for i in chosen if isinstance(i, Integral) and not isinstance(i, bool)] if _several(chosen) else []
        )
        if not numbers or len(numbers) != len(chosen):
            raise UsageError(f"layers must be a number, a list of numbers or 'all', got {layers!r}")
        wrong = [i for i in numbers if not -self.n_layers - 1 <= i <= self.n_layers]
        if wrong:
            raise UsageError(f"{self.name} has layers 0 (embeddings) to {self.n_layers}, asked for {wrong[0]}")
        return tuple(sorted({i % (self.n_layers + 1) for i in numbers}))

    @functools.cached_property
    def prefixed(self) -> PrefixedEncoder:
        """The encoder in float32 with a way in for prefixes, made when first asked for. It reads one window a text.

        Raises
        ------
        UnsupportedByFamily
            If the family takes no prefix; the message names those that do.
        """
        return PrefixedEncoder(self) if self.max_windows == 1 else self.single_pass.prefixed

    def encode(
        self,
        texts: Any,
        *,
        layers: Layers = -1,
        prefix: Adapter | None = None,
        progress: bool | None = None,
    ) -> TokenFeatures:
        """Return the hidden states of every real token of every text; equal texts are computed once.

        Parameters
        ----------
        texts
            Strings, or pairs of strings.
        layers
            Which layers' states to keep.
        prefix
            Keys and values to put before every text in every layer, or low-rank additions to its projections: one for
            all texts, or one a text. Such a pass runs in float32.
        progress
            True or False to force the progress bar on or off.

        Returns
        -------
        TokenFeatures
            In the order of the texts; `provenance.n_truncated` says how many were cut.
        """
        inputs = as_inputs(texts)
        if not inputs:
            raise DataError("there are no texts to encode")
        if prefix is not None:
            return self.prefixed.encode(inputs, prefix, self.resolve_layers(layers))
        different, places = each_once(inputs)
        features = TokenFeatures.concat(list(self.encode_runs(different, layers=layers, progress=progress)))
        return features if len(different) == len(inputs) else features.take(torch.from_numpy(places))

    def encode_runs(
        self, inputs: Sequence[TextInput], *, layers: Layers = -1, progress: bool | None = None
    ) -> Iterator[TokenFeatures]:
        """Yield features of consecutive runs of texts, so that any number of texts needs bounded memory.

        The next run is tokenised while the model computes this one; a single run needs no second thread.
        """
        chosen = self.resolve_layers(layers)
        per_token = len(chosen) * self.dim * self.dtype.itemsize
        runs = list(runs_of(inputs, 4 * max(RUN_BYTES // per_token, TOKEN_BUDGET), RUN_TEXTS))
        with (
            ThreadPoolExecutor(1) as pool,
            progress_bar(len(inputs), "encoding", "texts", show=progress) as bar,
        ):
            tokenized = self._tokenizing(inputs[runs[0]]) if runs else None
            for following in [*runs[1:], None]:
                if tokenized is None:
                    return
                ahead = None if following is None else pool.submit(self._tokenizing, inputs[following])
                yield self._run(tokenized, chosen, bar)
                tokenized = ahead.result() if ahead is not None else None

    def tokenize(self, texts: Any) -> Tokenized:
        """Return the token ids of texts, end to end."""
        return self._tokenizing(as_inputs(texts))

    def tracer(self, dtype: str) -> Tracer:
        """Return what runs texts in this dtype and keeps every sub-layer's output for a dissection; made once."""
        number = choose_dtype(dtype, self.device)
        if number not in self._tracers:
            self._tracers[number] = make_tracer(self.source, self._loaded, number)
        return self._tracers[number]

    @property
    def cut_side(self) -> str:
        """The side on which a text that is too long is cut: ``left`` or ``right``."""
        return self._tokenizing.side

    @property
    def tokenizer_fingerprint(self) -> str:
        """A hash of the tokenizer: two encoders with the same weights may cut texts differently."""
        return self._tokenizing.fingerprint

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write weights, configuration, tokenizer and what makes vectors of texts to a folder for `from_pretrained`."""
        self._loaded.model.save_pretrained(folder)
        self._loaded.tokenizer.save_pretrained(folder)
        copy_recipe(self.source.home, self.source.folder, Path(folder))

    def spans(self, text: TextInput) -> TokenSpans:
        """Return one text's tokens and where each stands in it."""
        return self._tokenizing.spans(text)

    def count_tokens(self, texts: Any) -> list[int]:
        """Return how many tokens each text has before any cutting."""
        return self._tokenizing.count(as_inputs(texts))

    def unknown(self, texts: Any) -> list[list[str]]:
        """Return the pieces of each text that the encoder has no token for."""
        return self._tokenizing.unknown(as_inputs(texts))

    def provenance(self, layers: tuple[int, ...], n_truncated: int = 0) -> Provenance:
        """Say where features of these layers come from."""
        return Provenance(
            encoder=self.name,
            origin=self.source.origin,
            revision=self.source.revision,
            sha256=self.source.sha256,
            layers=layers,
            dtype=str(self.dtype).removeprefix("torch."),
            max_length=self.max_length,
            max_windows=self.max_windows,
            n_truncated=n_truncated,
        )

    def batches(
        self, tokenized: Tokenized, budget: int, *, mixed: bool
    ) -> Iterator[tuple[np.ndarray, torch.Tensor, PackedBatch]]:
        """Yield batches of about `budget` tokens: the windows in each, the rows of their tokens, and what to run.

        Parameters
        ----------
        tokenized
            Token ids of many texts.
        budget
            Tokens a batch.
        mixed
            Short and shorter texts together, as the packed pass likes them; else by length, for one that pads.
        """
        offsets = offsets_of(torch.from_numpy(tokenized.lengths)).numpy()
        for texts in token_batches(tokenized.lengths, budget, mixed=mixed):
            rows = _rows(offsets, tokenized.lengths, texts)
            batch = PackedBatch(
                token_ids=torch.from_numpy(tokenized.token_ids[rows]).to(self.device),
                segment_ids=torch.from_numpy(tokenized.segment_ids[rows]).long().to(self.device),
                lengths=tokenized.lengths[texts].tolist(),
            )
            yield texts, torch.from_numpy(rows), batch

    def _run(self, tokenized: Tokenized, layers: tuple[int, ...], bar: Any) -> TokenFeatures:
        offsets = offsets_of(torch.from_numpy(tokenized.text_lengths))
        begins = np.zeros(len(tokenized.lengths), dtype=np.int64)
        begins[tokenized.first_windows] = 1
        values = torch.empty(int(offsets[-1]), len(layers), self.dim, dtype=self.dtype)
        with torch.inference_mode():
            for windows, rows, batch in self.batches(tokenized, TOKEN_BUDGET, mixed=self._loaded.packed):
                states = self._loaded.runner.hidden_states(batch, layers)
                for i, state in enumerate(states):
                    values[:, i].index_copy_(0, rows, state.to("cpu", self.dtype))
                bar.update(int(begins[windows].sum()))
        ids = torch.from_numpy(tokenized.token_ids)
        cut = torch.from_numpy(tokenized.truncated)
        return TokenFeatures(values, offsets, ids, self.provenance(layers, int(cut.sum())), cut)


def _rows(offsets: np.ndarray, lengths: np.ndarray, texts: np.ndarray) -> np.ndarray:
    picked = lengths[texts]
    ends = np.cumsum(picked)
    return np.arange(ends[-1]) + np.repeat(offsets[texts] - ends + picked, picked)


def _several(chosen: Any) -> bool:
    return hasattr(chosen, "__iter__") and hasattr(chosen, "__len__") and not isinstance(chosen, bool)


def _by_name(name: str, revision: str | None, dtype: str, max_length: int, max_windows: int) -> Encoder:
    return Encoder.from_pretrained(name, revision=revision, dtype=dtype, max_length=max_length, max_windows=max_windows)


def shared_encoder(
    name: str | None, max_length: int | None, max_windows: int | None, *, local_files_only: bool = False
) -> Encoder:
    """Load an encoder once per process for the estimators that name the same one.

    With `local_files_only` the hub is never asked, for a name that stands in a saved model and not in the call.
    """
    if local_files_only:
        locate(name or DEFAULT_ENCODER, local_files_only=True)
    return _shared(name, max_length, max_windows)


@functools.lru_cache(maxsize=2)
def _shared(name: str | None, max_length: int | None, max_windows: int | None) -> Encoder:
    return Encoder.from_pretrained(name, max_length=max_length, max_windows=max_windows)
