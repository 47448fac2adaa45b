"""What one expression may be mistaken for: comparisons, arithmetic, constants, arguments."""

from __future__ import annotations

import ast
from collections.abc import Iterator

COMPARED = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
COMPUTED = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "/", ast.Mod: "*", ast.Pow: "*",
    ast.BitAnd: "|", ast.BitOr: "&", ast.LShift: ">>", ast.RShift: "<<",
}  # fmt: skip
SWAPPED = {"min": "max", "max": "min", "minimum": "maximum", "maximum": "minimum", "argmin": "argmax",
           "argmax": "argmin", "amin": "amax", "amax": "amin", "any": "all", "all": "any"}  # fmt: skip
MEANINGLESS = {"strict", "progress", "show", "stacklevel", "description", "category"}
"""Arguments that no test should hold."""


def variants(node: ast.expr) -> Iterator[tuple[str, ast.expr, str]]:
    if isinstance(node, ast.Compare) and type(node.ops[0]) in COMPARED:
        for i, op in enumerate(node.ops):
            words = [ast.unparse(node.left)]
            for j, (each, right) in enumerate(zip(node.ops, node.comparators, strict=True)):
                words += [COMPARED[type(op)] if i == j else _sign(each), _bracketed(right)]
            yield "comparison", node, " ".join([f"({words[0]})", *words[1:]])
    elif isinstance(node, ast.BinOp) and type(node.op) in COMPUTED and not _holds_text(node):
        yield "arithmetic", node, f"{_bracketed(node.left)} {COMPUTED[type(node.op)]} {_bracketed(node.right)}"
    elif isinstance(node, ast.BoolOp):
        word = " or " if isinstance(node.op, ast.And) else " and "
        yield "boolean", node, word.join(map(_bracketed, node.values))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.USub | ast.Invert):
        kind = "boolean" if isinstance(node.op, ast.Not) else "constant sign"
        yield kind, node, ast.unparse(node.operand)
    elif isinstance(node, ast.IfExp):
        yield "condition", node, f"{_bracketed(node.orelse)} if {ast.unparse(node.test)} else {_bracketed(node.body)}"
    elif isinstance(node, ast.Constant):
        yield from _constants(node)
    elif isinstance(node, ast.Call):
        yield from _calls(node)


def _constants(node: ast.Constant) -> Iterator[tuple[str, ast.expr, str]]:
    value = node.value
    if isinstance(value, bool):
        yield "constant", node, str(not value)
    elif isinstance(value, int | float):
        yield "constant", node, repr(value + 1 if abs(value) >= 1e-3 or value == 0 else value * 1e3)


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.expr, str]]:
    name = called(node.func)
    if name in SWAPPED and isinstance(node.func, ast.Name | ast.Attribute):
        other = SWAPPED[name]
        new = other if isinstance(node.func, ast.Name) else f"{_bracketed(node.func.value)}.{other}"
        yield "swapped", node.func, new
    plain = len(node.args) > 1 and not any(isinstance(a, ast.Starred) for a in node.args[:2])
    if plain and ast.dump(node.args[0]) != ast.dump(node.args[1]) and name not in {"isinstance", "getattr", "hasattr"}:
        first, second, *rest = map(ast.unparse, node.args)
        yield "arguments", node, _call(node, [second, first, *rest], node.keywords)
    for keyword in node.keywords:
        if keyword.arg is not None and keyword.arg not in MEANINGLESS:
            kept = [k for k in node.keywords if k is not keyword]
            yield "argument left out", node, _call(node, list(map(ast.unparse, node.args)), kept)


def _call(node: ast.Call, arguments: list[str], keywords: list[ast.keyword]) -> str:
    named = [f"{k.arg}={ast.unparse(k.value)}" if k.arg else f"**{ast.unparse(k.value)}" for k in keywords]
    if len(arguments) == 1 and not named and isinstance(node.args[0], ast.GeneratorExp):
        return f"{ast.unparse(node.func)}{arguments[0]}"
    return f"{ast.unparse(node.func)}({', '.join([*arguments, *named])})"


def called(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return called(node.func)
    if isinstance(node, ast.Subscript):
        return called(node.value)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _holds_text(node: ast.expr) -> bool:
    return any(isinstance(n, ast.JoinedStr) or (isinstance(n, ast.Constant) and isinstance(n.value, str))
               for n in ast.walk(node))  # fmt: skip


def _bracketed(node: ast.expr) -> str:
    return ast.unparse(node) if isinstance(node, ast.Name | ast.Constant | ast.Attribute) else f"({ast.unparse(node)})"


def _sign(op: ast.cmpop) -> str:
    return ast.unparse(ast.Compare(ast.Name("a"), [op], [ast.Name("b")]))[1:-1].strip()
