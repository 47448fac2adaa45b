"""Formulas as MathML, which every browser draws by itself: nothing is fetched."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from docutils.utils.math import latex2mathml
from sphinx.writers.html5 import HTML5Translator


def write_inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a sentence."""
    writer.body.append(drawn(node, as_block=False))
    raise nodes.SkipNode


def write_block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula that stands alone."""
    writer.body.append(f'<div class="formula">{drawn(node, as_block=True)}</div>')
    raise nodes.SkipNode


def drawn(node: nodes.Element, *, as_block: bool) -> str:
    """Return a formula as MathML."""
    return latex2mathml.tex2mathml(node.astext().replace("…", r"\ldots "), as_block=as_block)


def setup(app: Any) -> dict[str, bool]:
    """Add the way to write formulas."""
    app.add_html_math_renderer("mathml", (write_inline, None), (write_block, None))
    return {"parallel_read_safe": True}
