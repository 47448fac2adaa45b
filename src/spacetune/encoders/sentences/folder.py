"""What a sentence-transformers folder says: where its Transformer is, and what makes one vector of a text.

Every module is honoured or refused by name. A folder that says nothing is read as sentence-transformers reads it.
"""

# What a file or a request holds is of any type until it has been checked.
# pyright: reportUnknownArgumentType=false, reportUnknownMemberType=false, reportUnknownVariableType=false

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path, PureWindowsPath
from typing import Any, cast

from spacetune.encoders.loading.stated import in_one_line, stated_json, stated_number, stated_object
from spacetune.encoders.sentences.pooling import POOLINGS
from spacetune.encoders.sentences.steps import STEPS, Step
from spacetune.errors import EncoderError

__all__ = ["SentenceRecipe", "copy_recipe", "read_recipe", "sentence_settings", "transformer_folder"]

MODULES = "modules.json"
MODEL = "config_sentence_transformers.json"
KINDS = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")
OLD_KINDS = ("BERT", "RoBERTa", "DistilBERT", "CamemBERT", "ALBERT", "XLMRoBERTa", "XLNet")
"""What the Transformer module was called by its architecture."""
NO_DIFFERENCE = frozenset({
    "max_seq_length", "do_lower_case", "unpad_inputs", "query_length", "document_length", "attn_implementation",
    "torch_dtype", "dtype", "add_pooling_layer", "padding_side", "use_fast", "trust_remote_code", "model_max_length",
})  # fmt: skip
"""Settings of a Transformer module that are read elsewhere, or do not change a vector."""
CUTS = ("matryoshka_dims", "matryoshka_dimensions")


@dataclasses.dataclass(frozen=True)
class SentenceRecipe:
    """How a text becomes one vector.

    Parameters
    ----------
    pooling
        Names from `POOLINGS`, side by side.
    stated
        Whether the folder says so; else it is what is usual.
    include_prompt
        Whether the prompt's tokens are pooled too.
    steps
        What is done to the pooled vector, by the modules' names.
    prompts, default_prompt
        What can stand before a text, and the name of what stands there unasked.
    lowercase
        Whether the text is put in lower case first.
    dimensions
        How many of the numbers are given unasked; None is all.
    cuts
        What it can be cut to: a tuple of sizes, True for any, False for none.
    """

    pooling: tuple[str, ...] = ("mean",)
    stated: bool = False
    include_prompt: bool = True
    steps: tuple[tuple[str, Step], ...] = ()
    prompts: dict[str, str] = dataclasses.field(default_factory=dict[str, str])
    default_prompt: str | None = None
    lowercase: bool = False
    dimensions: int | None = None
    cuts: tuple[int, ...] | bool = False

    def describe(self) -> str:
        """Say how states are pooled, for people."""
        return " + ".join(self.pooling) + ("" if self.stated else " (the encoder's folder says nothing of it)")


def transformer_folder(root: Path) -> Path:
    """Return where in a folder the Transformer itself is: the folder, or ``0_Transformer`` of an older one.

    Raises
    ------
    EncoderError
        If its modules begin with something else.
    """
    modules = _modules(root)
    if not modules:
        return root
    kind, folder = modules[0]
    if not (folder / "config.json").is_file():
        raise EncoderError(f"{root} begins with {kind} in {folder}, which holds no Transformer: no config.json")
    return folder


def sentence_settings(folder: Path) -> tuple[Path, dict[str, Any]]:
    """Return the file of a Transformer module's own settings, and what it says; nothing where there is none."""
    for kind in KINDS:
        file = folder / f"sentence_{kind}_config.json"
        if file.is_file():
            return file, stated_object(file)
    return folder / f"sentence_{KINDS[0]}_config.json", {}


def read_recipe(root: Path, folder: Path, config: dict[str, Any]) -> SentenceRecipe:
    """Read how a folder makes one vector of a text.

    Parameters
    ----------
    root
        The encoder's folder.
    folder
        That of its Transformer.
    config
        The Transformer's configuration.

    Raises
    ------
    EncoderError
        If it does something not known here; what that is is named.
    """
    modules = _modules(root)
    if not modules:
        causal = str((config.get("architectures") or [""])[0]).endswith("ForCausalLM") and config.get("is_causal", True)
        return SentenceRecipe(pooling=("lasttoken",) if causal else ("mean",), **_cuts(config, {}, root))
    names = [kind for kind, _ in modules]
    if names[:2] != ["Transformer", "Pooling"]:
        raise EncoderError(f"{root} makes vectors by {', '.join(names)}; known is a Transformer, then Pooling")
    unknown = [name for name in names[2:] if name not in STEPS]
    if unknown:
        raise EncoderError(f"{root} makes vectors with the module {unknown[0]}; known are {', '.join(STEPS)}")
    return SentenceRecipe(
        stated=True,
        steps=tuple((name, STEPS[name](place)) for name, place in modules[2:]),
        lowercase=_lowercase(folder),
        **_pooling(modules[1][1], config),
        **_model(root, config),
    )


def copy_recipe(root: Path, folder: Path, target: Path) -> None:
    """Write beside a Transformer in `target` what `read_recipe` reads of an encoder's folder, where it says anything.

    Parameters
    ----------
    root, folder
        The encoder's folder, and that of its Transformer.
    target
        A folder with the Transformer itself.
    """
    file, settings = sentence_settings(folder)
    if settings:
        shutil.copy(file, target / f"sentence_{KINDS[0]}_config.json")
    if (root / MODEL).is_file():
        shutil.copy(root / MODEL, target / MODEL)
    modules = _modules(root)
    listed: list[dict[str, Any]] = []
    for i, (kind, place) in enumerate(modules):
        path = f"{i}_{kind}" if i else ""
        own = kind if "." in kind else f"sentence_transformers.models.{kind}"
        listed.append({"idx": i, "name": str(i), "path": path, "type": own})
        if i:
            (target / path).mkdir(exist_ok=True)
            for part in [*place.glob("*.json"), *place.glob("*.safetensors")]:
                shutil.copy(part, target / path / part.name)
    if listed:
        (target / MODULES).write_text(json.dumps(listed, indent=2), encoding="utf-8")


def _modules(root: Path) -> list[tuple[str, Path]]:
    """Return class and folder of every module, in order; those of an old folder by the folders' names."""
    file = root / MODULES
    if not file.is_file():
        if (root / "config.json").is_file() and any(root.glob("*.safetensors")):
            return []
        numbered = sorted((p for p in root.glob("[0-9]_*") if p.is_dir()), key=lambda p: p.name)
        names = [place.name[2:] for place in numbered]
        return [("Transformer" if i == 0 else n, p) for i, (n, p) in enumerate(zip(names, numbered, strict=True))]
    listed = stated_json(file)
    if not isinstance(listed, list) or not listed:
        raise EncoderError(f"{file} must be a list of modules")
    return [_module(entry, root, file) for entry in cast("list[Any]", listed)]


def _module(entry: object, root: Path, file: Path) -> tuple[str, Path]:
    kind, path = (entry.get("type"), entry.get("path")) if isinstance(entry, dict) else (None, None)
    if not isinstance(kind, str) or not isinstance(path, str):
        raise EncoderError(f"{file} must give type and path of every module, got {in_one_line(entry)}")
    place = PureWindowsPath(path)  # which knows drives too, and both kinds of slashes
    if place.drive or place.root or ".." in place.parts or "\x00" in path:
        raise EncoderError(f"{file} has a module outside of its folder: {in_one_line(path)}")
    name = kind.rpartition(".")[2] if kind.startswith("sentence_transformers.") else kind
    return "Transformer" if name in OLD_KINDS else name, root / path


def _pooling(folder: Path, config: dict[str, Any]) -> dict[str, Any]:
    file = folder / "config.json"
    stated = stated_object(file)
    modes: object = stated.get("pooling_mode")
    if modes is None:
        ends = {"cls": "cls_token", "max": "max_tokens", "mean": "mean_tokens", "weightedmean": "weightedmean_tokens"}
        modes = [mode for mode in POOLINGS if stated.get(f"pooling_mode_{ends.get(mode, mode)}", False)] or ["mean"]
    modes = [modes] if isinstance(modes, str) else modes
    if not isinstance(modes, list) or not modes or not all(m in POOLINGS for m in cast("list[Any]", modes)):
        raise EncoderError(f"{file} has the pooling {in_one_line(modes)}; known are {', '.join(POOLINGS)}")
    known = {"pooling_mode", "include_prompt", "word_embedding_dimension", "embedding_dimension"}
    strange = [name for name in stated if name not in known and not name.startswith("pooling_mode_")]
    strange += [name for name in stated if name.startswith("pooling_mode_") and not isinstance(stated[name], bool)]
    if strange or not isinstance(stated.get("include_prompt", True), bool):
        raise EncoderError(f"{file} has the setting {in_one_line([*strange, 'include_prompt'][0])}, not known here")
    return {"pooling": tuple(cast("list[str]", modes)), "include_prompt": stated.get("include_prompt", True)}


def _lowercase(folder: Path) -> bool:
    """Return whether texts are put in lower case; refuse settings that change more than is known here."""
    file, stated = sentence_settings(folder)
    usual = {"transformer_task": "feature-extraction", "module_output_name": "token_embeddings"}
    forward = {"method": "forward", "method_output_name": "last_hidden_state"}
    for name, value in stated.items():
        inner = set(cast("dict[str, Any]", value)) - NO_DIFFERENCE if isinstance(value, dict) else {name}
        plain = name == "modality_config" and isinstance(value, dict) and value == {"text": forward}
        if name not in NO_DIFFERENCE and value and inner and value != usual.get(name) and not plain:
            raise EncoderError(f"{file} has the setting {in_one_line(name)}, whose effect on vectors is not known here")
    return stated.get("do_lower_case") is True


def _model(root: Path, config: dict[str, Any]) -> dict[str, Any]:
    file = root / MODEL
    stated = stated_object(file) if file.is_file() else {}
    if stated.get("model_type", "SentenceTransformer") != "SentenceTransformer":
        raise EncoderError(f"{file}: {in_one_line(stated['model_type'])} is no model that gives one vector a text")
    prompts, default = stated.get("prompts") or {}, stated.get("default_prompt_name")
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise EncoderError(f"{file}: prompts must be texts by name")
    found: dict[str, str] = {"query": "", "document": ""}
    found |= {name: text or "" for name, text in cast("dict[str, str | None]", prompts).items()}
    if default is not None and (not isinstance(default, str) or default not in found):
        raise EncoderError(f"{file}: default_prompt_name is {in_one_line(default)}, which none of its prompts has")
    return {"prompts": found, "default_prompt": default, **_cuts(config, stated, file)}


def _cuts(config: dict[str, Any], stated: dict[str, Any], file: Path) -> dict[str, Any]:
    """Return to how many numbers vectors are cut, and what else they can be cut to."""
    size = stated.get("truncate_dim")
    if size is not None:
        size = stated_number(stated, "truncate_dim", file, 1, 1 << 20)
    both: dict[str, Any] = {**config, **stated}
    listed: object = next((both[name] for name in CUTS if both.get(name) is not None), None)
    if listed is None:
        return {"dimensions": size, "cuts": size is not None or both.get("is_matryoshka") is True}
    if not isinstance(listed, list) or not all(type(n) is int and n > 0 for n in cast("list[Any]", listed)):
        raise EncoderError(f"{file}: the sizes that vectors can be cut to must be whole numbers, got {listed!r:.80}")
    return {"dimensions": size, "cuts": tuple(cast("list[int]", listed)) + (() if size is None else (size,))}
