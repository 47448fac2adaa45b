"""The public surface is a list, and importing it is cheap; names, parameters and defaults change on purpose alone.

``python -m tests.test_public_names`` writes `interface.txt` anew after such a change.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import spacetune

INTERFACE = Path(__file__).with_name("interface.txt")


def test_one_version() -> None:
    project = INTERFACE.parents[1] / "pyproject.toml"
    if project.exists():
        assert tomllib.loads(project.read_text(encoding="utf-8"))["project"]["version"] == spacetune.__version__


def test_the_list() -> None:
    assert spacetune.__all__ == [
        "Encoder",
        "LabelledTexts",
        "LinearProbe",
        "PrefixSimplexClassifier",
        "SpaceClassifier",
        "SpaceEncoder",
        "SpaceRegressor",
        "SpacetuneError",
        "compare",
        "dissect",
        "few_shot",
        "list_measures",
        "measure",
        "read_texts",
        "render",
    ]


def test_every_name_is_there() -> None:
    for name in spacetune.__all__:
        assert getattr(spacetune, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'encoder'; it has Encoder"):
        _ = spacetune.encoder


@pytest.mark.parametrize(("before", "now"), [("training", "fitting"), ("spaces", "heads.spaces")])
def test_rooms_that_moved_are_found_with_a_warning(before: str, now: str) -> None:
    sys.modules.pop(f"spacetune.{before}", None)
    with pytest.warns(FutureWarning, match=rf"spacetune\.{before} is spacetune\.{now} now"):
        moved = importlib.import_module(f"spacetune.{before}")
    home = importlib.import_module(f"spacetune.{now}")
    assert {name: getattr(moved, name) for name in home.__all__} == {name: getattr(home, name) for name in home.__all__}


def test_nothing_public_changes_unnoticed() -> None:
    assert interface() == INTERFACE.read_text(encoding="utf-8").splitlines()


def interface() -> list[str]:
    """Return every public function, class, method and command with its parameters and defaults, one a line."""
    rooms = [room.name for room in pkgutil.iter_modules(spacetune.__path__) if room.ispkg and room.name != "cli"]
    return [*(line for room in sorted(rooms) for line in _room(f"spacetune.{room}")), *_commands()]


def _room(name: str) -> Iterator[str]:
    room = importlib.import_module(name)
    for public in sorted(room.__all__):
        value = getattr(room, public)
        if not inspect.isclass(value) and not inspect.isfunction(value):
            continue
        yield f"{name}.{public}{_signature(value)}"
        for method, each in sorted(vars(value).items()) if inspect.isclass(value) else ():
            bound = each.__func__ if isinstance(each, classmethod | staticmethod) else each
            if inspect.isfunction(bound) and not method.startswith("_"):
                yield f"{name}.{public}.{method}{_signature(bound)}"


def _signature(value: Any) -> str:
    if inspect.isclass(value) and not inspect.isfunction(value.__init__):
        return ""  # an exception, a protocol: what it takes is Python's own, and differs with its version
    found = inspect.signature(value)
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in found.parameters.values()]
    shown = found.replace(parameters=plain, return_annotation=inspect.Signature.empty)
    return re.sub(r" at 0x\w+", "", str(shown))


def _commands() -> Iterator[str]:
    from spacetune.cli.app import app

    def lines(words: str, command: Any) -> Iterator[str]:
        for name, each in sorted(getattr(command, "commands", {}).items()):
            yield from lines(f"{words} {name}", each)
        for option in command.params:
            yield f"{words} {'/'.join((*option.opts, *option.secondary_opts))} = {option.default!r}"

    return lines("spacetune", get_command(app))


if __name__ == "__main__":
    INTERFACE.write_text("\n".join(interface()) + "\n", encoding="utf-8")
