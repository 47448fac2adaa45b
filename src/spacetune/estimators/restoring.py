"""A saved model made an estimator again, with everything checked that it is built from."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

from spacetune.encoders import Encoder, Provenance
from spacetune.encoders.loading.machine import unaltered
from spacetune.encoders.loading.resolving import locate
from spacetune.errors import ModelFileError, UsageError
from spacetune.estimators.course import checked
from spacetune.estimators.inputs import FittedOn
from spacetune.estimators.reading import Reader
from spacetune.fitting import History, Learnt, Method, Rule
from spacetune.fitting.at_rest import array_of, completed
from spacetune.heads import Head, PairHead
from spacetune.model_folder import Stored, check_config, check_tensors, fetch_model, names_a_repository, read_model

__all__ = ["final_classes", "restored"]

UNFIT = (
    AttributeError, IndexError, KeyError, MemoryError, OverflowError, RuntimeError, TypeError, UsageError, ValueError
)  # fmt: skip
"""What building a model of values that do not go together raises."""


class Restorable(Protocol):
    """An estimator, as far as a saved model is made one again."""

    rules: ClassVar[Mapping[str, Rule]]
    encoder: str | os.PathLike[str] | Encoder | None
    learnt_: Learnt
    fitted_: FittedOn
    task_: Any

    @property
    def layers_(self) -> tuple[int, ...] | None: ...
    @property
    def head_(self) -> Head: ...
    def get_params(self, deep: bool = True) -> dict[str, Any]: ...
    def set_params(self, **settings: Any) -> object: ...
    def method(self) -> Method: ...
    def restore(self, learnt: Learnt, fitted: FittedOn, facts: dict[str, Any], report: dict[str, Any]) -> None: ...


M = TypeVar("M", bound=Restorable)
K = TypeVar("K")


def final_classes(base: type[K]) -> dict[str, type[K]]:
    """Return this class and those below it that are not abstract, by name; of one name the first that was defined."""
    found = {} if inspect.isabstract(base) else {base.__name__: base}
    for below in map(final_classes, base.__subclasses__()):
        found = below | found
    return found


@unaltered()
def restored(
    place: str | os.PathLike[str],
    kinds: Mapping[str, Callable[..., M]],
    *,
    encoder: str | os.PathLike[str] | Encoder | None = None,
    revision: str | None = None,
    token: str | None = None,
) -> M:
    """Return the saved model as an estimator of one of these kinds; see `load_estimator`."""
    if names_a_repository(place):
        place = fetch_model(str(place), revision=revision, token=token)
    saved = read_model(place)
    check_config(saved.config, place)
    check_tensors(saved.tensors, place)
    model = _blank(place, saved.config, kinds)
    trained_on = saved.config["encoder"]
    model.encoder = _encoder_of(place, saved, encoder)
    try:
        _restore(model, saved)
    except ModelFileError:
        raise
    except UNFIT as error:
        raise ModelFileError(f"the saved model in {place} is incomplete: {error!r}; fit it again") from error
    try:
        found_encoder = _read_by(model, fresh=saved.encoder is not None)
    except UsageError as error:  # its windows or layers are not for this encoder
        raise ModelFileError(f"{_trained(place, trained_on)}, and not for the one found: {error}") from error
    found = found_encoder.source.sha256
    if found != trained_on["sha256"] and saved.encoder is None:
        raise ModelFileError(
            f"{_trained(place, trained_on)}, but the encoder found has {found[:12]}…; its predictions would mean "
            "nothing"
        )
    try:
        own = found_encoder.provenance(found_encoder.resolve_layers(trained_on["layers"]))
        _check_read(model.head_, (len(own.layers), found_encoder.dim))
    except UsageError as error:
        raise ModelFileError(f"the saved model in {place} does not fit its encoder: {error}; fit it again") from error
    model.fitted_ = dataclasses.replace(model.fitted_, provenance=own)
    if saved.encoder is not None:
        model.learnt_ = dataclasses.replace(model.learnt_, encoder=found_encoder)
    return model


def _trained(place: object, on: Mapping[str, Any]) -> str:
    return f"the model in {place} was trained on {on['encoder']} with weights {on['sha256'][:12]}…"


def _encoder_of(
    place: object, saved: Stored, given: str | os.PathLike[str] | Encoder | None
) -> str | os.PathLike[str] | Encoder:
    if saved.encoder is not None:
        folder = given.source.folder if isinstance(given, Encoder) else given
        if folder is not None and Path(folder).resolve() != saved.encoder.resolve():
            raise UsageError(f"the model in {place} has an encoder of its own, trained with it; leave encoder out")
        return given or saved.encoder
    if given is None:
        locate(saved.config["encoder"]["encoder"], local_files_only=True)
    return given or saved.config["encoder"]["encoder"]


def _read_by(model: Restorable, *, fresh: bool) -> Encoder:
    """Return the encoder of a model; a `fresh` one, which a folder of that name may have held otherwise before."""
    reader = Reader.of(model.get_params(deep=False), model.method())
    if not fresh or isinstance(reader.source, Encoder):
        return reader.encoder
    return Encoder.from_pretrained(reader.source, max_length=reader.max_length, max_windows=reader.max_windows)


def _blank(place: object, config: dict[str, Any], kinds: Mapping[str, Callable[..., M]]) -> M:
    """Return an estimator of the saved kind with the saved settings, which has learnt nothing."""
    if config["model"] not in kinds:
        raise ModelFileError(
            f"{place} holds a model of kind {config['model']!r}; this spacetune knows {', '.join(kinds)}"
        )
    try:
        model = kinds[config["model"]](**config["settings"])
        checked(model.get_params(deep=False), model.rules, model.method)
        return model
    except (TypeError, UsageError) as error:
        raise ModelFileError(f"the saved model in {place} is damaged: its settings: {error}; fit it again") from error


def _restore(model: Restorable, saved: Stored) -> None:
    """Make an estimator the saved model."""
    config, trained_on = saved.config, saved.config["encoder"]
    if "pairs" not in config["settings"] and "pairs" in model.get_params(deep=False):  # before 0.2: as one text
        model.set_params(pairs="together")
    read = {"max_length": trained_on["max_length"], "max_windows": trained_on.get("max_windows", 1)}
    model.set_params(**{name: value for name, value in read.items() if name in model.get_params(deep=False)})
    tensors = dict(saved.tensors)
    hashes = tensors.pop("train_hashes").numpy()
    history = History.from_dict(config["history"]) if "history" in config else None
    arrays = {name: array_of(tensor) for name, tensor in tensors.items()}
    known: Any = {**trained_on, "layers": tuple(trained_on["layers"])}
    fitted = FittedOn("texts", Provenance(**known), config.get("pairs", False), hashes)
    learnt = Learnt(completed(config["learned"], config["settings"]), arrays, history)
    model.restore(learnt, fitted, config["learned"], config["report"])
    _check_sizes(model, config["settings"])


def _check_sizes(model: Restorable, settings: Mapping[str, Any]) -> None:
    """Refuse tensors that are not of the model's sizes, and make the model of them."""
    arrays, wanted = model.learnt_.arrays, settings.get("n_latent", "auto")
    path = settings.get("linear_path", False) is not False  # it may be one more dimension of a space
    own = [name for name in arrays if name.endswith("spaces.operators") and name.startswith(("spaces.", "pairs."))]
    for name in own:
        n_layers, _, n_latent, _ = arrays[name].shape
        if wanted not in ("auto", n_latent, n_latent - path) or n_layers != len(model.layers_ or ()):
            raise RuntimeError(
                f"its operators have {n_layers} layers and {n_latent} latents, its settings say otherwise"
            )
    n_outputs = len(model.learnt_.model.on_top.bias)
    if n_outputs != model.task_.n_outputs:
        raise RuntimeError(f"it has {n_outputs} outputs for {model.task_.n_outputs} classes")


def _check_read(head: Head, given: tuple[int, int]) -> None:
    """Refuse a head of pairs that reads states of other layers, or of another width, than the encoder gives."""
    for part in head.parts if isinstance(head, PairHead) else ():
        if part.text_mean.reads != given:
            raise UsageError(f"it reads states of (layers, width) {part.text_mean.reads}, and there are {given}")
