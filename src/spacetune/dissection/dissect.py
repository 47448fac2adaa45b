"""`dissect`: texts in, a `Dissection` out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from spacetune.dissection.dissection import Dissection
from spacetune.dissection.reading import Reader
from spacetune.dissection.split import SplitName
from spacetune.encoders import Encoder, Layers, Texts, as_inputs
from spacetune.encoders.batching import runs_of
from spacetune.encoders.loading.machine import unaltered
from spacetune.errors import DataError, UsageError

__all__ = ["dissect", "dissect_windows"]

WINDOW_TOKENS = 32_768


@unaltered()
def dissect(
    encoder: Encoder | str | None,
    texts: Texts,
    layer: Layers = -1,
    *,
    splits: Sequence[SplitName] = (),
    vectors: bool = False,
    dtype: str = "float32",
    max_bytes: int = 4 << 30,
    progress: bool | None = None,
) -> Dissection:
    r"""Take hidden states apart into input, attention, feed-forward and correction.

    .. math:: e_t = i_t + h_t + f_t + c_t

    The terms are those of Mickus, Paperno and Constant (TACL 10:981, 2022). Biases inside a sub-layer (of queries,
    keys, and the inner layer of the feed-forward) stay inside; output biases, value biases, norm shifts and the means
    that LayerNorm takes off are the correction. The paper covers post-LayerNorm encoders. For pre-LayerNorm models
    the choice is ours: the shift of a norm in front of a sub-layer counts as inside it, and the last layer's states
    are those behind the final norm, as transformers gives them.

    Parameters
    ----------
    encoder
        An `Encoder`, a folder or hub name, or None for the default encoder.
    texts
        Strings, or pairs of strings.
    layer
        One layer, several, or ``all``: 0 is the embeddings, -1 the last.
    splits
        Finer parts, for one layer at a time: ``layer``, ``head``, ``attended``, ``bias``; see `Split`. They are of one
        pass, so a text is read in one window then, and else in as many as the encoder reads.
    vectors
        Keep the vectors of the finer parts too, not only their products with the embedding.
    dtype
        ``float32`` or ``float64``; an encoder loaded in another one is read anew.
    max_bytes
        What the result may take; for more texts use `dissect_windows`.
    progress
        True or False to force the progress bar on or off.

    Returns
    -------
    Dissection
        In the order of the texts.

    Raises
    ------
    UnsupportedByFamily
        If the sum is not known to be exact for this architecture.
    UsageError
        If a setting is unknown or the result would be too large.
    DataError
        If there are no texts.

    Examples
    --------
    >>> found = dissect(None, ["The bank raised its rates."], layer="all")
    >>> found
    Dissection(1 text, 8 tokens, 7 layers of 384, 4 terms, float32)
    >>> found.residual() < 1e-4, found.without("correction").values.shape
    (True, torch.Size([8, 7, 384]))
    """
    inputs = as_inputs(texts)
    if not inputs:
        raise DataError("there are no texts to dissect")
    reader = Reader.of(encoder, layer, splits, vectors, dtype)
    tokenized = reader.encoder.tokenize(inputs)
    needed = reader.bytes_for(tokenized)
    if needed > max_bytes:
        raise UsageError(
            f"this dissection takes {needed / 1e9:.1f} GB, more than max_bytes ({max_bytes / 1e9:.1f} GB); "
            "take fewer texts, layers or splits, or go through dissect_windows"
        )
    return reader.read(inputs, tokenized, progress)


def dissect_windows(
    encoder: Encoder | str | None,
    texts: Texts,
    layer: Layers = -1,
    *,
    splits: Sequence[SplitName] = (),
    vectors: bool = False,
    dtype: str = "float32",
    window: int = WINDOW_TOKENS,
    progress: bool | None = None,
) -> Iterator[Dissection]:
    """Yield dissections of consecutive runs of texts, so that any number of texts needs bounded memory.

    Parameters
    ----------
    encoder, texts, layer, splits, vectors, dtype, progress
        As in `dissect`.
    window
        About how many tokens (four characters each) a run has.
    """
    reader = Reader.of(encoder, layer, splits, vectors, dtype)
    inputs = as_inputs(texts)
    for run in runs_of(inputs, 4 * window, window):
        yield reader.read(inputs[run], reader.encoder.tokenize(inputs[run]), progress)
