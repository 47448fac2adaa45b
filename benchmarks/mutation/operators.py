"""What a mistake of one place looks like: comparisons, arithmetic, constants, arguments, statements left out.

Left out are places that no test should hold: docstrings, annotations, `__all__`, what is logged or drawn as progress,
the words of errors, `strict=` of `zip`, decorators, assertions.
"""

from __future__ import annotations

import ast
from pathlib import Path

from benchmarks.mutation.changes import Change
from benchmarks.mutation.variants import MEANINGLESS, called, variants

SILENT = ("log", "logger", "logging", "warnings", "progress_bar", "getLogger", "TypeVar", "cast", "overload")
TEXTS = {"__repr__", "__str__"}


def changes_of(root: Path, file: str) -> list[Change]:
    """Return every change of a file under `root`, in the order of its places."""
    visitor = _Finder(file, (root / file).read_text())
    visitor.walk()
    return sorted(visitor.found, key=lambda c: (c.start, c.stop, c.kind, c.new))


class _Finder:
    def __init__(self, file: str, text: str) -> None:
        self.file, self.text, self.tree = file, text, ast.parse(text)
        self.rows = text.encode().splitlines()
        self.found: list[Change] = []

    def walk(self) -> None:
        self._body(self.tree.body, inside=False)

    def _body(self, body: list[ast.stmt], inside: bool) -> None:
        for statement in body:
            self._statement(statement, inside)

    def _statement(self, node: ast.stmt, inside: bool) -> None:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            self._function(node)
        elif isinstance(node, ast.ClassDef):
            if not any(called(base) == "Protocol" for base in node.bases):
                self._body(node.body, inside)
        elif not _is_meaningless(node):
            self._plain(node, inside)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        if node.name in TEXTS or any(called(d) in {"overload", "abstractmethod"} for d in node.decorator_list):
            return
        first = next((s for s in node.body if not _is_text(s)), node.body[0])
        for default in (*node.args.defaults, *(d for d in node.args.kw_defaults if d is not None)):
            self._expression(default, (first.lineno, first.end_lineno or first.lineno))
        self._body(node.body, inside=True)

    def _plain(self, node: ast.stmt, inside: bool) -> None:
        lines = self._lines(node) if inside else (0, 0)
        if inside:
            self._whole(node, lines)
        if not isinstance(node, ast.Raise):
            for part in _own_expressions(node):
                self._expression(part, lines)
        for inner in ("body", "orelse", "finalbody"):
            self._body(getattr(node, inner, []), inside)
        for branch in (*getattr(node, "handlers", []), *getattr(node, "cases", [])):
            self._body(branch.body, inside)

    def _lines(self, node: ast.stmt) -> tuple[int, int]:
        """Return a simple statement's lines, and the head's of a compound one."""
        body = getattr(node, "body", None) or getattr(node, "cases", None)
        if not body:
            return node.lineno, node.end_lineno or node.lineno
        start = body[0].lineno if hasattr(body[0], "lineno") else body[0].pattern.lineno
        return node.lineno, max(node.lineno, start - 1)

    def _whole(self, node: ast.stmt, lines: tuple[int, int]) -> None:
        """Leave a statement out, return nothing, or turn a condition that is no comparison."""
        if _can_be_left_out(node):
            self._add(node, "statement left out", "pass", lines)
        elif isinstance(node, ast.Return) and node.value is not None and not _is_none(node.value):
            self._add(node.value, "return value", "None", lines)
        elif isinstance(node, ast.If | ast.While) and not isinstance(node.test, ast.Compare | ast.BoolOp | ast.UnaryOp):
            self._add(node.test, "condition", f"not ({ast.unparse(node.test)})", lines)

    def _expression(self, node: ast.expr, lines: tuple[int, int]) -> None:
        if isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Call) and _is_silent(node)):
            return
        for kind, part, new in variants(node):
            self._add(part, kind, new, lines)
        for part in _inner(node):
            if _is_number(part) and isinstance(node, ast.BinOp | ast.Compare):
                self._add(part, "constant sign", f"-{ast.unparse(part)}", lines)
            self._expression(part, lines)

    def _add(self, node: ast.expr | ast.stmt, kind: str, new: str, lines: tuple[int, int]) -> None:
        assert node.end_lineno is not None
        assert node.end_col_offset is not None
        place = (node.lineno, node.col_offset), (node.end_lineno, node.end_col_offset)
        if isinstance(node, ast.expr) and kind != "constant":
            new = f"({new})" if kind not in {"return value", "swapped"} else new
        self.found.append(Change(self.file, kind, *place, new, lines))


def _inner(node: ast.expr) -> list[ast.expr]:
    """Return the expressions within; those that only name a type or a field are left out."""
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in {"Literal", "dict"}:
        return []
    found: list[ast.expr] = []
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.keyword):
            found += [child.value] if child.arg not in MEANINGLESS else []
        elif isinstance(child, ast.comprehension):
            found += [child.iter, *child.ifs]
        elif isinstance(child, ast.expr):
            found.append(child)
    return found


def _own_expressions(node: ast.stmt) -> list[ast.expr]:
    found: list[ast.expr] = []
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "targets", "target", "body", "orelse", "finalbody", "handlers", "cases"}:
            continue
        if isinstance(value, ast.expr):
            found.append(value)
        elif name == "items":
            found += [item.context_expr for item in value]
    return found


def _is_silent(node: ast.Call) -> bool:
    owner = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    return (isinstance(owner, ast.Name) and owner.id in SILENT) or called(node.func) in SILENT


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int | float) and bool(node.value)


def _is_meaningless(node: ast.stmt) -> bool:
    if isinstance(node, ast.Assign):
        return any(called(target) in {"__all__", "__slots__", "log"} for target in node.targets)
    return isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.Global | ast.Delete) or _is_text(node)


def _can_be_left_out(node: ast.stmt) -> bool:
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call) and not _is_silent(node.value)
    if isinstance(node, ast.Assign):
        return isinstance(node.targets[0], ast.Attribute | ast.Subscript)
    return isinstance(node, ast.AugAssign) or (isinstance(node, ast.Raise) and node.exc is not None)


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
