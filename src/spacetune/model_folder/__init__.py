"""A saved model's folder: written whole or not at all, checked when it is read."""

from spacetune.model_folder.folder import SavedModel, atomic_folder, free_place, read_model, write_model

__all__ = ["SavedModel", "atomic_folder", "free_place", "read_model", "write_model"]
