"""A served model: the work that the queue's one thread does with it."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypedDict, Unpack

import numpy as np

from spacetune.data import read_texts
from spacetune.dissection import Dissection, dissect
from spacetune.encoders import PooledText, TextInput
from spacetune.errors import DataError, UsageError
from spacetune.estimators import TextEstimator, load_estimator
from spacetune.explanations import TextExplanation
from spacetune.fitting import probabilities
from spacetune.studies import (
    Embeddings,
    Placement,
    Predictions,
    Reach,
    SpaceMap,
    map_spaces,
    place_texts,
    predictions_of,
    word_reach,
)
from spacetune.studies.embedding import embeddings_of
from spacetune.web.limits import Refused

__all__ = ["Predicted", "ServedModel", "load_models"]

log = logging.getLogger("spacetune")


LONG = 4000
"""Characters from which on a text is explained at its states, and not carried back to the input."""


@dataclasses.dataclass(frozen=True)
class Predicted:
    """One text through the model."""

    logits: np.ndarray[Any, Any]
    n_tokens: int
    truncated: bool


@dataclasses.dataclass(frozen=True)
class ServedModel:
    """A fitted model under a name, with a map of its training texts where these were given."""

    name: str
    model: TextEstimator
    map: SpaceMap | None = None

    @property
    def kind(self) -> str:
        """``single``, ``multi`` or ``regression``."""
        return self.fitted.kind_

    @property
    def fitted(self) -> Any:
        """The estimator, for its learned attributes."""
        return self.model

    @property
    def encoder(self) -> str:
        """Name of the encoder."""
        return self.model.encoder_.name

    @property
    def cut_side(self) -> str:
        """The side on which the encoder cuts a text that is too long: ``left`` or ``right``."""
        return self.model.encoder_.tokenizing.side

    @property
    def classes(self) -> list[Any]:
        """The classes; empty for regression."""
        return [] if self.kind == "regression" else self.fitted.classes_.tolist()

    def describe(self) -> dict[str, Any]:
        """Return what ``GET /models`` says of it."""
        return {
            "name": self.name,
            "estimator": type(self.model).__name__,
            "kind": self.kind,
            "classes": self.classes,
            "encoder": dataclasses.asdict(self.model.encoder_.provenance(self.model.layers_ or ())),
            "report": self.model.report_,
            "pairs": self.model.fitted_.pairs,
            "map": self.map is not None,
        }

    def predict(self, texts: list[TextInput]) -> Sequence[Predicted]:
        """Run texts through the model."""
        read = self.model.read(texts, progress=False)
        columns = read.logits, read.n_tokens.tolist(), read.truncated.tolist()
        return [Predicted(*each) for each in zip(*columns, strict=True)]

    def predictions(self, texts: list[TextInput], rows: Sequence[Predicted]) -> Predictions:
        """Put one request's answers together as a result."""
        return predictions_of(self.model, texts, np.stack([row.logits for row in rows]), sum(r.truncated for r in rows))

    def explain(self, texts: list[TextInput]) -> Sequence[TextExplanation]:
        """Explain texts; long ones at the states, so that nobody else waits for the way back to their input."""
        long = any(len(text if isinstance(text, str) else "".join(text)) > LONG for text in texts)
        return self.model.explain(texts, at="states" if long else None).texts

    def reach(self, texts: list[TextInput]) -> Sequence[Reach]:
        """Say which word of the input reached the states of which, for the predicted class."""
        return [word_reach(self.model, text) for text in texts]

    def embed(self, texts: list[TextInput], prompt_name: str | None = None) -> Sequence[PooledText]:
        """Run texts through the encoder, behind the prompt of this name; None is the encoder's usual one."""
        return self.model.encoder_.embedder.pooled(texts, None, prompt_name)

    def embeddings(
        self, rows: Sequence[PooledText], *, normalize: bool = True, dimensions: int | None = None
    ) -> Embeddings:
        """Put one request's vectors together as a result, cut to so many numbers where the encoder can be cut."""
        return embeddings_of(self.model.encoder_, rows, normalize=normalize, dimensions=dimensions)

    def check_embedding(self, prompt_name: str | None, dimensions: int | None) -> None:
        """Refuse what the encoder cannot do for an embedding, before it waits in the queue.

        Raises `UsageError` if it has no such prompt, or cannot be cut to that.
        """
        self.model.encoder_.embedder.prompt(None, prompt_name)
        self.model.encoder_.embedder.size(dimensions)

    def tokenize(self, texts: list[TextInput]) -> Sequence[list[dict[str, Any]]]:
        """Cut texts into tokens, as they are read."""
        return [self._tokens(text) for text in texts]

    def _tokens(self, text: TextInput) -> list[dict[str, Any]]:
        encoder = self.model.encoder_
        seen, ids = encoder.spans(text), encoder.tokenize([text]).token_ids.tolist()
        special = (seen.parts < 0).tolist()
        places = [(None, None) if special[i] else span for i, span in enumerate(seen.spans.tolist())]
        rows = zip(ids, seen.tokens, special, places, strict=True)
        return [{"id": n, "text": t, "special": s, "start": p[0], "stop": p[1]} for n, t, s, p in rows]

    def scores(self, rows: Sequence[Predicted], function: str | None) -> Any:
        """Turn logits into scores: calibrated probabilities, or what `function` makes of the logits.

        Raises `Refused` with 422 where a model that predicts numbers is asked for probabilities.
        """
        logits = np.stack([row.logits for row in rows])
        if self.kind == "regression":
            if function not in (None, "none"):
                raise Refused(422, f"{self.name} predicts numbers, which have no {function}; leave function_to_apply")
            return self.fitted.task_.labels(logits)[:, None] if function is None else logits
        kind = {None: self.kind, "softmax": "single", "sigmoid": "multi"}.get(function)
        return logits if kind is None else probabilities(logits, self.fitted.temperature_, kind)

    def dissect(self, texts: list[TextInput]) -> Sequence[Dissection]:
        """Take the hidden states of all layers apart, text by text and in one window each."""
        return [dissect(self.model.encoder_.single_pass, [text], "all", progress=False) for text in texts]

    def place(self, texts: list[TextInput]) -> Sequence[Placement]:
        """Place texts on the map."""
        assert self.map is not None
        return place_texts(self.model, self.map, texts)


class Columns(TypedDict, total=False):
    """Which columns of a file of examples are read."""

    text: str
    label: str | Sequence[str]
    text_pair: str | None


def load_models(
    folders: Sequence[str | Path],
    examples: str | None = None,
    *,
    load: Callable[[str | Path], TextEstimator] = load_estimator,
    **columns: Unpack[Columns],
) -> list[ServedModel]:
    """Load saved models, named as their folders, and draw their maps of labelled texts where these are given.

    `examples` is a file of labelled texts, shown on the page as neighbours; `load` loads a model from its folder, and
    `columns` go to `read_texts`. A model that the examples do not fit has no map, and a warning says why. Raises
    `UsageError` if two folders have one name, or the examples fit no model.
    """
    names = [Path(folder).resolve().name for folder in folders]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise UsageError(f"models are served under their folders' names, and {twice.pop()!r} comes twice; rename one")
    data = None if examples is None else read_texts(examples, **columns)
    served: list[ServedModel] = []
    unfit: list[str] = []
    for name, folder in zip(names, folders, strict=True):
        model, drawn = load(folder), None
        if data is not None and model.task_.kind == "single":
            try:
                drawn = map_spaces(model, data)
            except DataError as error:
                unfit.append(f"{name} has no map of these examples: {error}")
        served.append(ServedModel(name, model, drawn))
    if unfit and not any(each.map for each in served):
        raise UsageError("; ".join(unfit))
    for told in unfit:
        log.warning("%s", told)
    return served
