"""Draw docs/images/demo.svg: the real output of `spacetune demo`, recorded. Run: python docs/images/draw_demo.py."""

from __future__ import annotations

import contextlib
import html
import io
import re
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import TerminalTheme

from spacetune.cli import demo, guarded

COLUMNS = 104
PLACE = Path(__file__).resolve().with_name("demo.svg")
INK, PAPER = (36, 41, 47), (255, 255, 255)
RED, GREEN, YELLOW, BLUE, PURPLE, TEAL, GREY = (
    (190, 30, 45),
    (26, 127, 55),
    (154, 103, 0),
    (9, 105, 218),
    (130, 80, 223),
    (27, 124, 131),
    (110, 119, 129),
)
COLOURS = [INK, RED, GREEN, YELLOW, BLUE, PURPLE, TEAL, GREY]
THEME = TerminalTheme(PAPER, INK, COLOURS, COLOURS)
TEXT = re.compile(r'(<text class="[^"]*" )x="([\d.]+)" (y="[\d.]+") textLength="([\d.]+)"([^>]*)>([^<]*)</text>')
BLANK = "&#160;"


def placed(match: re.Match[str]) -> str:
    """Move a run of text past its leading blanks: some viewers drop them."""
    head, x, y, length, rest, text = match.groups()
    shown = html.unescape(text)
    core = shown.strip()
    if not core:
        return ""
    cell = float(length) / len(shown)
    start = float(x) + (len(shown) - len(shown.lstrip())) * cell
    kept = html.escape(core).replace(" ", BLANK).replace("\xa0", BLANK)
    return f'{head}x="{start:.1f}" {y} textLength="{len(core) * cell:.1f}"{rest}>{kept}</text>'


def main() -> None:
    """Run the demo with a recording console and write what it printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    demo.people = guarded.people = lambda to_stderr: console
    console.print("$ spacetune demo", style="bold")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        demo.run_demo(Path("demo-model"), seed=0, as_json=False)
    drawn = TEXT.sub(placed, console.export_svg(title="spacetune demo", theme=THEME))
    drawn = re.sub(r"@font-face \{.*?\}\s*", "", drawn, flags=re.DOTALL)
    drawn = drawn.replace("Fira Code", "ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono'")
    PLACE.write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    main()
