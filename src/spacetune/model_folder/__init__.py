"""A saved model's folder: claimed by one run, written whole or not at all, and checked when it is read."""

from spacetune.model_folder.claiming import Claim, claim, free_place
from spacetune.model_folder.hub import fetch_model, names_a_repository, publish, published, with_card, without
from spacetune.model_folder.reading import Stored, read_model
from spacetune.model_folder.saved_model import SavedModel, is_model, model_of
from spacetune.model_folder.schema import check_config, check_tensors

__all__ = [
    "Claim",
    "SavedModel",
    "Stored",
    "check_config",
    "check_tensors",
    "claim",
    "fetch_model",
    "free_place",
    "is_model",
    "model_of",
    "names_a_repository",
    "publish",
    "published",
    "read_model",
    "with_card",
    "without",
]
