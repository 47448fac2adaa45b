"""No module needs, however late or only for its types, one that needs it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2] / "src"


def names() -> dict[str, Path]:
    paths = {".".join(path.relative_to(SOURCE).with_suffix("").parts): path for path in SOURCE.rglob("*.py")}
    return {name.removesuffix(".__init__"): path for name, path in paths.items()}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_no_ring_of_imports() -> None:
    modules = names()
    needed = {
        name: {each if each in modules else each.rpartition(".")[0] for each in imported(path)} & modules.keys()
        for name, path in modules.items()
    }
    assert len(needed["spacetune.estimators"]) > 5
    tuple(TopologicalSorter({name: others - {name} for name, others in needed.items()}).static_order())
