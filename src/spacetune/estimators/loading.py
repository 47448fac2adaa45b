"""`load_estimator`: a saved model of any kind, with its encoder checked."""

from __future__ import annotations

import os
from pathlib import Path

from spacetune.encoders import Encoder
from spacetune.errors import ModelFileError
from spacetune.estimators.text_estimator import TextEstimator
from spacetune.model_folder import read_model
from spacetune.training import History

__all__ = ["load_estimator"]


def load_estimator(place: str | os.PathLike[str], *, encoder: Encoder | None = None) -> TextEstimator:
    """Load a saved model of any kind.

    Parameters
    ----------
    place
        The folder it was saved to.
    encoder
        The encoder to use; None loads the one it was trained with.

    Returns
    -------
    TextEstimator
        Of the class it was saved as.

    Raises
    ------
    ModelFileError
        If the folder is damaged, of an unknown kind, or its encoder's weights are not those it was trained on.
    """
    from spacetune import estimators

    saved = read_model(place)
    name = saved.config.get("model")
    kinds = {n: getattr(estimators, n) for n in estimators.__all__ if n not in ("TextEstimator", "load_estimator")}
    if name not in kinds:
        raise ModelFileError(f"{place} holds a model of kind {name!r}; this spacetune knows {', '.join(kinds)}")
    try:
        model: TextEstimator = kinds[name](**saved.config["settings"])
        trained_on = saved.config["encoder"]
        inside = Path(place) / "encoder"
        model.encoder = encoder or (inside if inside.is_dir() else trained_on["encoder"])
        model.max_length = trained_on["max_length"]
        model.max_windows = trained_on.get("max_windows", 1)
        model.layers_ = tuple(trained_on["layers"])
        model.fitted_on_ = "texts"
        model.report_ = saved.config["report"]
        model.pairs_ = saved.config.get("pairs", False)
        if "history" in saved.config:
            vars(model)["history_"] = History.from_dict(saved.config["history"])
        model.take_up(saved.config["learned"], saved.tensors)
    except (KeyError, TypeError, RuntimeError) as error:
        raise ModelFileError(f"the saved model in {place} is incomplete: {error!r}; fit it again") from error
    found = model.encoder_.source.sha256
    if found != trained_on["sha256"] and not inside.is_dir():
        raise ModelFileError(
            f"the model in {place} was trained on {trained_on['encoder']} with weights {trained_on['sha256'][:12]}…, "
            f"but the encoder found has {found[:12]}…; its predictions would mean nothing"
        )
    model.provenance_ = model.encoder_.provenance(model.layers_)
    return model
