"""From an encoder's folder to something that runs: weights, tokenizer, limits."""

# The types of torch and transformers are partial.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import copy
import dataclasses
import functools
import hashlib
import os
from collections.abc import Callable, Collection, Iterable
from typing import Any, TypeVar

import torch

from spacetune.encoders.families import EncoderModel, family_of, n_token_rows
from spacetune.encoders.loading.checking import check_folder, check_tokens
from spacetune.encoders.loading.direct import read_directly
from spacetune.encoders.loading.limits import MAX_WINDOWS, most_positions, usual_lengths
from spacetune.encoders.loading.machine import choose_device, choose_dtype
from spacetune.encoders.loading.resolving import VOCABULARIES, EncoderSource, resolve, weights_sha256
from spacetune.encoders.loading.stated import in_one_line
from spacetune.encoders.passes.packed import PackedBatch, PackedEncoder
from spacetune.encoders.passes.padded import PaddedEncoder
from spacetune.encoders.tokenizing import FastTokenizer, Tokenizing
from spacetune.errors import EncoderError, UsageError

__all__ = [
    "LoadedEncoder",
    "float32_copy",
    "freeze",
    "load_encoder",
    "load_model",
    "sharing_copy",
    "weights_digest",
    "weights_in",
]

ENCODERS_OF = {"t5": "T5EncoderModel", "mt5": "MT5EncoderModel", "umt5": "UMT5EncoderModel"}
"""Encoder-decoders of which the encoder is read, and transformers' class of it alone."""

M = TypeVar("M", bound=EncoderModel)


@dataclasses.dataclass(frozen=True)
class LoadedEncoder:
    """Weights and tokenizer in memory; `runner` has the packed pass where the family allows it.

    `weights` and `tokens` are all that frozen use needs. `model` and `tokenizer` are transformers' own, which
    `whole` returns: loaded when first asked for where the files could be read without transformers.
    """

    runner: PackedEncoder | PaddedEncoder
    weights: EncoderModel
    tokens: FastTokenizer
    whole: Callable[[], tuple[Any, Any]]
    family: str
    n_layers: int
    dim: int
    dtype: torch.dtype
    device: torch.device
    max_length: int
    full_length: int
    longest: int

    @property
    def model(self) -> Any:
        """The transformers model."""
        return self._whole[0]

    @property
    def tokenizer(self) -> Any:
        """The transformers tokenizer."""
        return self._whole[1]

    @functools.cached_property
    def _whole(self) -> tuple[Any, Any]:
        return self.whole()

    @property
    def packed(self) -> bool:
        """Whether texts run end to end without padding."""
        return isinstance(self.runner, PackedEncoder)

    @property
    def shortest(self) -> int:
        """The smallest length limit that leaves room for a token."""
        return self.tokens.num_special_tokens_to_add(pair=False) + 1

    def windows(self, name: str, max_length: int | None, max_windows: int | None) -> tuple[int, int]:
        """Return the tokens of a window and the number of windows, as asked for or else as is usual.

        Raises
        ------
        UsageError
            If the encoder of this name cannot read so.
        """
        limit = self.max_length if max_length is None else max_length
        if not self.shortest <= limit <= self.longest:
            raise UsageError(f"max_length must lie between {self.shortest} and {self.longest} for {name}, got {limit}")
        if max_windows is not None and max_windows < 1:
            raise UsageError(f"max_windows must be at least 1, got {max_windows}")
        usual = MAX_WINDOWS if max_length is None else 1
        return limit, usual if max_windows is None else max_windows

    def tokenizing(self, max_length: int, max_windows: int, *, lowercase: bool = False) -> Tokenizing:
        """Return the tokenizer with these limits.

        Raises
        ------
        EncoderError
            If it gives tokens for which there are no weights.
        """
        made = Tokenizing(self.tokens, max_length, max_windows, lowercase=lowercase)
        check_tokens(made.tokens(), n_token_rows(self.weights))
        return made


def load_encoder(
    name: str | os.PathLike[str],
    *,
    dtype: str,
    device: str,
    trust_remote_code: bool,
    revision: str | None,
    token: str | None,
    cache_dir: str | None,
    local_files_only: bool,
) -> tuple[EncoderSource, LoadedEncoder]:
    """Find and load an encoder for frozen use.

    Raises
    ------
    EncoderError
        If transformers cannot load the folder.
    """
    source = resolve(name, revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
    place = choose_device(device)
    number = choose_dtype(dtype, place)
    check_folder(source.folder)
    direct = read_directly(source.folder, number)
    if direct is None:
        loaded = freeze(*load_model(source, number, trust_remote_code), source, number, place)
        if number != torch.float32 and (problem := _problem(loaded)) is not None:
            if dtype != "auto":
                raise EncoderError(f"{source.name} does not run in {dtype}: {problem}; take dtype float32 or auto")
            loaded = freeze(*load_model(source, torch.float32, trust_remote_code), source, torch.float32, place)
        return source, loaded
    whole = functools.partial(_load_whole, source, number, place, direct[0])
    return source, freeze(*direct, source, number, place, whole)


def _problem(loaded: LoadedEncoder) -> str | None:
    """Say why a model does not run in its dtype: some architectures mix float32 in."""
    if loaded.packed:
        return None
    ids = torch.tensor([0, 1, 2], device=loaded.device)
    try:
        with torch.inference_mode():
            loaded.runner.hidden_states(PackedBatch(ids, torch.zeros_like(ids), [3]), [0])
    except RuntimeError as error:
        return in_one_line(error)
    return None


def _load_whole(
    source: EncoderSource, dtype: torch.dtype, device: torch.device, weights: EncoderModel
) -> tuple[Any, Any]:
    """Load with transformers what was read without it; the two share their weights."""
    if not source.folder.is_dir() or weights_sha256(source.folder) != source.sha256:
        raise EncoderError(f"{source.folder} has changed since {source.name} was read from it; load the encoder again")
    model, tokenizer = load_model(source, dtype)
    model = model.to(device).eval().requires_grad_(False)
    model.load_state_dict(weights.state_dict(), strict=False, assign=True)
    return model, tokenizer


def freeze(
    model: EncoderModel,
    tokenizer: FastTokenizer,
    source: EncoderSource,
    dtype: torch.dtype,
    device: torch.device,
    whole: Callable[[], tuple[Any, Any]] | None = None,
) -> LoadedEncoder:
    """Make a loaded model ready for frozen use: eval mode, no gradients, the fastest pass its family allows."""
    model = model.to(device).eval().requires_grad_(False)
    config = model.config
    family = family_of(config.model_type)
    uses_segments = "token_type_ids" in tokenizer.model_input_names
    positions = most_positions(config)
    usual, full = usual_lengths(source, tokenizer, positions)
    return LoadedEncoder(
        runner=PackedEncoder(model, dtype) if "fast" in family.supports else PaddedEncoder(model, uses_segments),
        weights=model,
        tokens=tokenizer,
        whole=whole or (lambda: (model, tokenizer)),
        family=family.name,
        n_layers=config.num_hidden_layers,
        dim=config.hidden_size,
        dtype=dtype,
        device=device,
        max_length=usual,
        full_length=full,
        longest=positions,
    )


def weights_in(source: EncoderSource, loaded: LoadedEncoder, dtype: torch.dtype) -> EncoderModel:
    """Return an encoder's weights in this dtype; of another read anew, since rounded ones cannot be made whole."""
    if loaded.dtype == dtype:
        return loaded.weights
    if source.in_memory:  # it is nowhere on disk
        return copy.deepcopy(loaded.weights).to(dtype)
    direct = read_directly(source.folder, dtype)
    model = load_model(source, dtype)[0] if direct is None else direct[0]
    return model.to(loaded.device).eval().requires_grad_(False)


def sharing_copy(model: M, own: Iterable[torch.Tensor] = ()) -> M:
    """Return a copy of a model's modules that shares its tensors, but for those that are to be the copy's own."""
    apart = {id(tensor) for tensor in own}
    shared = {id(t): t for t in (*model.parameters(), *model.buffers()) if id(t) not in apart}
    return copy.deepcopy(model, shared)


def float32_copy(source: EncoderSource, loaded: LoadedEncoder) -> tuple[Any, Any]:
    """Return transformers' model and tokenizer, read anew; or a copy where the weights are in memory only."""
    if not source.in_memory:
        return load_model(source, torch.float32)
    return copy.deepcopy(loaded.model).float().cpu(), loaded.tokenizer


def weights_digest(model: EncoderModel) -> str:
    """Return the SHA-256 of a model's tensors and their names: what its features depend on."""
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        whole = tensor.detach().cpu().contiguous().reshape(-1)
        digest.update(name.encode() + whole.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def load_model(source: EncoderSource, dtype: torch.dtype, trust_remote_code: bool = False) -> tuple[Any, Any]:
    """Load a model and its tokenizer with transformers, from safetensors only.

    Raises
    ------
    EncoderError
        If transformers cannot load them; its own words are in the message.
    """
    import transformers

    if not any(any(source.folder.glob(pattern)) for pattern in VOCABULARIES):  # transformers would make an empty one
        raise EncoderError(f"{source.folder} holds no tokenizer: no {', '.join(VOCABULARIES)}")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code, "local_files_only": True}
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(source.folder, **options)
        config = transformers.AutoConfig.from_pretrained(source.folder, **options)
        kind: Any = getattr(transformers, ENCODERS_OF.get(config.model_type, "AutoModel"))
        options |= {"dtype": dtype, "use_safetensors": True, "output_loading_info": True}
        try:
            model, report = kind.from_pretrained(source.folder, attn_implementation="sdpa", **options)
        except ValueError as error:  # an architecture without it takes its own attention
            if "scaled_dot_product_attention" not in str(error):
                raise
            model, report = kind.from_pretrained(source.folder, **options)
    except Exception as error:
        raise EncoderError(f"transformers cannot load {source.folder}: {_reason(error)}") from error
    _check_loaded(source, model, report["missing_keys"])
    return model, tokenizer


def _reason(error: Exception) -> str:
    if "ignore_mismatched_sizes" in str(error):  # what it says before goes to a log
        return "the sizes in config.json are not those of the weights"
    return in_one_line(error)


def _check_loaded(source: EncoderSource, model: Any, missing: Collection[str]) -> None:
    if model.config.is_encoder_decoder and model.config.model_type not in ENCODERS_OF:
        raise EncoderError(f"{source.name} is an encoder-decoder ({model.config.model_type}); give an encoder")
    absent = sorted(name for name in missing if "pooler" not in name)
    if len(absent) < len(missing):
        model.pooler = None  # else a random one would be read by who asks for it
    if absent:  # transformers would fill them with random numbers
        raise EncoderError(f"the weights in {source.folder} lack {len(absent)} of the model's, first {absent[0]}")
