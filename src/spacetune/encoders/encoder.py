"""`Encoder`: a frozen pretrained Transformer that turns texts into token features."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from spacetune.encoders.adapters.prefixed import Adapter, PrefixedEncoder
from spacetune.encoders.given import Texts
from spacetune.encoders.layers import Layers, resolve_layers
from spacetune.encoders.loading.load import LoadedEncoder, load_encoder
from spacetune.encoders.loading.machine import choose_dtype, unaltered
from spacetune.encoders.loading.resolving import DEFAULT_ENCODER, EncoderSource
from spacetune.encoders.passes.frozen import feature_runs
from spacetune.encoders.passes.tracing import Tracer, make_tracer
from spacetune.encoders.sentences.embedding import Embedder
from spacetune.encoders.sentences.folder import copy_recipe
from spacetune.encoders.token_features import Provenance, TokenFeatures
from spacetune.encoders.tokenizing import TextInput, Tokenized, TokenSpans, as_inputs, each_once
from spacetune.errors import DataError, EncoderError

__all__ = ["Encoder"]

AT_REST = ("name", "revision", "dtype", "max_length", "max_windows")


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
        Number type that it computes in.
    """

    def __init__(self, source: EncoderSource, loaded: LoadedEncoder, max_length: int, max_windows: int = 1) -> None:
        self.source = source
        self.name = source.name
        self.max_length, self.max_windows = max_length, max_windows
        self.n_layers: int = loaded.n_layers
        self.dim: int = loaded.dim
        self.dtype: torch.dtype = loaded.dtype
        self.device: torch.device = loaded.device
        self.family: str = loaded.family
        self.loaded = loaded
        self.tokenizing = loaded.tokenizing(max_length, max_windows)
        self._tracers: dict[torch.dtype, Tracer] = {}

    @classmethod
    @unaltered()
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
            A folder with `config.json` and `model.safetensors`, a name on the hub, or a short one such as ``small``.
        revision
            Branch, tag or commit on the hub.
        dtype
            ``float32``, ``bfloat16``, or ``auto``: bfloat16 where this machine has it natively and it is not slow,
            else float32 (float16 on a GPU without bfloat16).
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

        Raises
        ------
        EncoderError
            If it is not found, damaged, or not an encoder.

        Examples
        --------
        >>> encoder = Encoder.from_pretrained(dtype="float32")
        >>> encoder.encode(["Two hours I will not get back."])
        TokenFeatures(1 text, 10 tokens, 1 layer of 384, float32)
        """
        source, loaded = load_encoder(
            DEFAULT_ENCODER if name is None else name,
            revision=revision,
            dtype=dtype,
            device=device,
            token=token,
            cache_dir=cache_dir,
            local_files_only=local_files_only,
            trust_remote_code=trust_remote_code,
        )
        return cls(source, loaded, *loaded.windows(source.name, max_length, max_windows))

    def __repr__(self) -> str:
        number = str(self.dtype).removeprefix("torch.")
        return f"Encoder({self.name!r}, {self.n_layers} layers of {self.dim}, {number}, from {self.source.origin})"

    def __sklearn_clone__(self) -> Encoder:  # an encoder is shared, never copied
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Encoder:
        return self

    def __getstate__(self) -> dict[str, Any]:  # at rest it is a name, not the weights
        if self.source.in_memory:
            raise EncoderError(f"a {self.source.origin} encoder has no name to be pickled by; use save_pretrained")
        name = str(self.source.home) if self.source.origin == "folder" else self.source.name
        dtype = str(self.dtype).removeprefix("torch.")
        told = (name, self.source.revision, dtype, self.max_length, self.max_windows)
        return dict(zip(AT_REST, told, strict=True))

    def __setstate__(self, state: dict[str, Any]) -> None:  # nothing else: a file has no say in what code may run
        self.__dict__.update(Encoder.from_pretrained(**{name: state[name] for name in AT_REST}).__dict__)

    @property
    def longest(self) -> int:
        """Tokens above which a text is cut: those of all windows together."""
        return self.max_length * self.max_windows

    def reading(self, *, lowercase: bool) -> Encoder:
        """Return the encoder as `embed` reads: one window per text, of the full length where none was chosen."""
        held = self.loaded
        other = type(self)(
            self.source, held, held.full_length if self.max_length == held.max_length else self.max_length
        )
        if lowercase:
            other.tokenizing = held.tokenizing(other.max_length, 1, lowercase=True)
        return other

    @functools.cached_property
    def embedder(self) -> Embedder:
        """What makes one vector per text from this encoder's states, made when first asked for."""
        return Embedder(self)

    def embed(
        self,
        texts: Texts,
        *,
        prompt: str | None = None,
        prompt_name: str | None = None,
        dimensions: int | None = None,
        normalize: bool | None = None,
    ) -> np.ndarray[Any, Any]:
        """Return one vector per text ``(text, dim)`` in float32, as sentence-transformers makes it of the same folder.

        Pooling, prompts, lower case and the modules after the pooling are read from the folder; where it says nothing,
        states are pooled by the mean. None of this changes `encode`, nor the classifiers, which read token states.

        `prompt` goes before every text, or the encoder's prompt called `prompt_name`; None is its default one, if it
        has one. `dimensions` says how many numbers a vector keeps, where the encoder declares that it can be cut. With
        `normalize` True every vector is scaled to length 1, with False a scaling at the end of the encoder's modules is
        left out, with None the modules decide.

        Raises `UsageError` for what the encoder does not have or declare, and `EncoderError` for a module of its folder
        that is not known here.
        """
        rows = self.embedder.pooled(texts, prompt, prompt_name)
        return self.embedder.vectors(rows, dimensions=dimensions, normalize=normalize)

    @functools.cached_property
    def single_pass(self) -> Encoder:
        """The same encoder reading one window per text, for what must see a text in one pass."""
        other = self if self.max_windows == 1 else type(self)(self.source, self.loaded, self.max_length)
        other._tracers = self._tracers
        return other

    def resolve_layers(self, layers: Layers) -> tuple[int, ...]:
        """Turn a layer choice into layer numbers from 0, each once, ascending; refuse layers that do not exist."""
        return resolve_layers(layers, self.n_layers, self.name)

    @functools.cached_property
    def prefixed(self) -> PrefixedEncoder:
        """The encoder in float32 with a way in for prefixes, made when first asked for. It reads one window a text.

        Raises
        ------
        UnsupportedByFamily
            If the family takes no prefix; the message names those that do.
        """
        return PrefixedEncoder(self) if self.max_windows == 1 else self.single_pass.prefixed

    @unaltered()
    def encode(
        self,
        texts: Texts,
        *,
        layers: Layers = -1,
        prefix: Adapter | None = None,
        progress: bool | None = None,
    ) -> TokenFeatures:
        """Return the hidden states of every real token of every text, in order; equal texts are computed once.

        Under a `prefix` (keys and values before every text, or low-rank additions to projections; one for all texts, or
        one per text) the pass runs in float32. `provenance.n_truncated` says how many texts were cut.
        """
        inputs = as_inputs(texts)
        if not inputs:
            raise DataError("there are no texts to encode")
        if prefix is not None:
            return self.prefixed.encode(inputs, prefix, self.resolve_layers(layers))
        different, places = each_once(inputs)
        features = TokenFeatures.concat([*self.encode_runs(different, layers=layers, progress=progress)])
        return features if len(different) == len(inputs) else features.take(torch.as_tensor(places))

    def encode_runs(
        self, inputs: Sequence[TextInput], *, layers: Layers = -1, progress: bool | None = None
    ) -> Iterator[TokenFeatures]:
        """Yield features of consecutive runs of texts, so that any number of texts needs bounded memory."""
        provenance = self.provenance(self.resolve_layers(layers))
        yield from feature_runs(self.loaded, self.tokenizing, inputs, provenance, progress)

    def tokenize(self, texts: Texts) -> Tokenized:
        """Return the token ids of texts, end to end."""
        return self.tokenizing(as_inputs(texts))

    def tracer(self, dtype: str) -> Tracer:
        """Return what runs texts in this dtype and keeps every sub-layer's output for a dissection; made once."""
        number = choose_dtype(dtype, self.device)
        if number not in self._tracers:
            self._tracers[number] = make_tracer(self.source, self.loaded, number)
        return self._tracers[number]

    def save_pretrained(self, folder: str | os.PathLike[str]) -> None:
        """Write weights, configuration, tokenizer and what makes vectors of texts to a folder for `from_pretrained`."""
        self.loaded.model.save_pretrained(folder)
        self.loaded.tokenizer.save_pretrained(folder)
        copy_recipe(self.source.home, self.source.folder, Path(folder))

    def spans(self, text: TextInput) -> TokenSpans:
        """Return one text's tokens and the characters of the text that each covers."""
        return self.tokenizing.spans(text)

    def count_tokens(self, texts: Texts) -> list[int]:
        """Return how many tokens each text has before any cutting."""
        return self.tokenizing.count(as_inputs(texts))

    def unknown(self, texts: Texts) -> list[list[str]]:
        """Return the pieces of each text that the encoder has no token for."""
        return self.tokenizing.unknown(as_inputs(texts))

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
