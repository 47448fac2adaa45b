"""Saved models on the Hugging Face hub: fetched by name, and published, which is shown before it is done."""

# The types of huggingface_hub are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import os
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spacetune.errors import ModelFileError, UsageError
from spacetune.model_folder.claiming import claim
from spacetune.model_folder.saved_model import CARD, SavedModel

__all__ = ["PARTS", "fetch_model", "names_a_repository", "publish", "published", "with_card", "without"]

REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")
WANTED = ["config*.json", "model*.safetensors", "encoder*/*", "encoder*/*/*", "README.md"]
PARTS = ("hashes",)
"""What can be left out of what is published."""


def names_a_repository(place: str | os.PathLike[str]) -> bool:
    """Tell ``user/name`` from a folder: a string of that form where there is no such folder.

    >>> names_a_repository("me/clf"), names_a_repository("./me/clf"), names_a_repository(Path("me/clf"))
    (True, False, False)
    """
    return isinstance(place, str) and REPOSITORY.fullmatch(place) is not None and not Path(place).exists()


def fetch_model(name: str, *, revision: str | None = None, token: str | None = None) -> Path:
    """Bring a saved model from the hub, or from its cache where the hub is not to be asked; return its folder.

    Raises
    ------
    ModelFileError
        If the hub has none of that name, or does not let us have it, or cannot be reached.
    """
    import huggingface_hub as hub
    from huggingface_hub import errors

    told = f"{name!r} at revision {revision!r}" if revision else repr(name)
    try:
        return Path(hub.snapshot_download(name, revision=revision, token=token, allow_patterns=WANTED))
    except errors.GatedRepoError as error:
        why = "its owner lets only some people have it; ask there, and log in (hf auth login) or pass token="
        raise ModelFileError(f"the model {told} is gated: {why}") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        raise ModelFileError(
            f"there is no folder {name}, and the hub has no model {told} that it shows us; check the name, or where it "
            "is private log in (hf auth login) or pass token="
        ) from error
    except errors.HFValidationError as error:
        raise ModelFileError(f"there is no folder {name}, and the hub has no such names: {error}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, *_unreached()) as error:
        raise ModelFileError(
            f"there is no folder {name}; as a model on the hub {told} is not in the cache, and the hub cannot be "
            f"reached ({type(error).__name__})"
        ) from error


def _unreached() -> tuple[type[Exception], ...]:
    """Return what is raised where a hub is not reached: its client changes the library that it asks with."""
    from huggingface_hub import errors

    return OSError, errors.HfHubHTTPError.__mro__[1]


def published(saved: SavedModel) -> list[dict[str, Any]]:
    """Say what a saved model would show to whoever reads it: one row a part, with what can be left out."""
    hashes, words = saved.tensors["train_hashes"], saved.tensors.get("lexicon.grams")
    classes = saved.config["learned"].get("classes") or ()
    rows: list[tuple[str, str, str | None]] = [
        (
            "settings",
            f"settings, {len(classes)} class names, scores, warnings on the data, versions, the encoder's name",
            None,
        ),
        ("weights", f"{sum(t.numel() for t in saved.tensors.values()):,} numbers that were learnt", None),
    ]
    if len(hashes):
        told = f"{len(hashes):,} hashes of training texts: whoever has a text can tell whether it is among them"
        rows.append(("hashes", told, "hashes"))
    if words is not None:
        told = (
            f"{len(words):,} wordpieces and neighbours of the training texts, with scores (fitted with lexicon=False "
        )
        rows.append(("lexicon", told + "there are none)", None))
    if saved.save_encoder is not None:
        rows.append(("encoder", "the encoder, which was trained too", None))
    return [{"part": part, "what": what, "can be left out as": name} for part, what, name in rows]


def without(saved: SavedModel, leave_out: Sequence[str]) -> SavedModel:
    """Return a model to be saved without some parts: the hashes, and then nobody can tell overlaps.

    The lexicon stays: the head was fitted beside it, and the scores are of both.

    Raises
    ------
    UsageError
        If there is no such part.
    """
    unknown = sorted(set(leave_out) - set(PARTS))
    if "lexicon" in unknown:
        raise UsageError("the lexicon cannot be left out, since the head was fitted beside it: fit with lexicon=False")
    if unknown:
        raise UsageError(f"{', '.join(PARTS)} can be left out, not {unknown[0]!r}")
    tensors = dict(saved.tensors)
    if "hashes" in leave_out:
        tensors["train_hashes"] = tensors["train_hashes"][:0]
    return dataclasses.replace(saved, tensors=tensors)


def with_card(saved: SavedModel, folder: str | os.PathLike[str]) -> SavedModel:
    """Return a model to be saved with the card in its folder, which people may have written on, if there is one."""
    card = Path(folder) / CARD
    return dataclasses.replace(saved, card=card.read_text(encoding="utf-8")) if card.is_file() else saved


def publish(
    saved: SavedModel, repo: str, *, private: bool | None = None, revision: str | None = None, token: str | None = None
) -> str:
    """Put a saved model on the hub, and return where it is; nothing but safetensors, JSON and the card goes there.

    Parameters
    ----------
    saved
        The model; `without` leaves parts out.
    repo
        ``user/name``; made where it is not there yet.
    private
        Whether only you can see it, where it is made.
    revision
        The branch; None is the main one.
    token
        Yours; None is that of ``hf auth login``.

    Raises
    ------
    UsageError
        If that is no name of a repository, or the hub refuses.
    """
    import huggingface_hub as hub
    from huggingface_hub import errors

    if REPOSITORY.fullmatch(repo) is None:
        raise UsageError(f"a repository on the hub is named user/name, got {repo!r}")
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "model"
        with claim(folder) as claimed:
            saved = _without_paths(saved)
            claimed.write(dataclasses.replace(saved, card=_card(saved, repo)))
        try:
            api = hub.HfApi(token=token)
            api.create_repo(repo, private=private, exist_ok=True)
            if revision is not None:
                api.create_branch(repo, branch=revision, exist_ok=True)
            told = api.upload_folder(repo_id=repo, folder_path=folder, revision=revision, allow_patterns=WANTED,
                                     commit_message=f"spacetune {saved.config['spacetune']}")  # fmt: skip
        except errors.HfHubHTTPError as error:
            said = str(error).strip().splitlines()[:1] or ["no reason given"]
            refused = getattr(error.response, "status_code", None) in (401, 403)
            then = "; log in (hf auth login) or pass token=, one that may write" if refused else ""
            raise UsageError(f"the hub does not take {repo}: {said[0][:200]}{then}") from error
        except errors.HFValidationError as error:
            raise UsageError(f"the hub has no such names: {error}") from error
        except (errors.OfflineModeIsEnabled, errors.LocalTokenNotFoundError, *_unreached()) as error:
            raise UsageError(f"the hub cannot be reached for {repo}: {str(error)[:200]}") from error
    return str(getattr(told, "repo_url", None) or told)


def _without_paths(saved: SavedModel) -> SavedModel:
    """Return a model whose encoder, where it lies in a folder here, is named by that folder's last part alone."""
    encoder = saved.config["encoder"]
    named = str(encoder["encoder"])
    on_the_hub = REPOSITORY.fullmatch(named) or not re.search(r"[\\/]", named)
    if on_the_hub and not Path(named).exists():
        return saved
    last = re.split(r"[\\/]", named.rstrip("\\/"))[-1]
    card = saved.card.replace(f"base_model: {named}\n", "").replace(named, last)
    return dataclasses.replace(saved, card=card, config={**saved.config, "encoder": {**encoder, "encoder": last}})


def _card(saved: SavedModel, repo: str) -> str:
    """Return the card with the scores in the form that hubs list them in, those on test if there are any."""
    import huggingface_hub as hub

    card = hub.ModelCard(saved.card.replace("this-folder", repo), ignore_metadata_errors=True)
    data: dict[str, Any] = card.data.to_dict()
    part, scores = _scores(saved.config["report"])
    results = [
        hub.EvalResult(
            task_type="text-classification", dataset_type="own", dataset_name=f"{part} part of its own data",
            metric_type=name, metric_value=float(value),
        )
        for name, value in scores.items()
    ]  # fmt: skip
    named: dict[str, Any] = {**data, "model_name": repo.split("/")[1], "eval_results": results}
    card.data = hub.ModelCardData(**named)
    return str(card)


def _scores(report: dict[str, Any]) -> tuple[str, dict[str, float]]:
    """Return on which part a model has scores that chose nothing, else dev, and the scores."""
    for row in report.get("table", ()):
        if row["split"] == "test" and row["method"] == report["table"][-1]["method"]:
            return "test", {name: value for name, value in row.items() if isinstance(value, float)}
    return "dev", report["dev_scores"]
