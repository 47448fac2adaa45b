"""The documents hang together: no Sphinx is needed to see that nothing is missing, orphaned or linked to nowhere."""

from __future__ import annotations

import importlib
import os
import pkgutil
import re
import shlex
from pathlib import Path

import pytest
from typer.main import get_command

import spacetune
from spacetune.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
SITE = ROOT / "docs" / "site"
if not SITE.is_dir():
    pytest.skip("run from the root of the checkout", allow_module_level=True)

with pytest.MonkeyPatch.context() as patch:
    patch.syspath_prepend(str(SITE))
    assemble = importlib.import_module("assemble")

PLACES: dict[Path, Path] = assemble.places()
PAGES = [page for page in (ROOT / "README.md", *PLACES) if page.suffix == ".md"]
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)
SHELL = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)


def test_every_public_name_is_in_the_reference() -> None:
    listed = re.findall(r"^   (spacetune\.[\w.]+)$", (ROOT / "docs/reference/api.md").read_text(), re.MULTILINE)
    assert len(set(listed)) == len(listed)
    assert {f"spacetune.{name}" for name in spacetune.__all__} <= set(listed)
    rooms = {f"spacetune.{room.name}" for room in pkgutil.iter_modules(spacetune.__path__) if room.ispkg}
    assert rooms - set(listed) == {"spacetune.cli"}, "a room's names are listed by its __all__"


def test_every_measurement_and_every_paper_is_told_of() -> None:
    run = importlib.import_module("benchmarks.__main__")
    listed = re.findall(r"^\| `(\w+)` \|", (ROOT / "benchmarks/README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == sorted(run.NAMES)
    papers = (ROOT / "papers/README.md").read_text(encoding="utf-8")
    assert all(
        f"| [{place.name}](" in papers for place in (ROOT / "papers").iterdir() if (place / "reproduce.py").exists()
    )


def test_every_page_is_in_one_table_of_contents() -> None:
    pages = {place: page for page, place in PLACES.items() if page.suffix == ".md"}
    named = [Path("index.md")]
    for place, page in pages.items():
        for block in TOCTREE.findall(page.read_text(encoding="utf-8")):
            entries = [line for line in block.splitlines() if line and not line.startswith(":")]
            named += [Path(os.path.normpath(place.parent / f"{entry}.md")) for entry in entries]
    assert sorted(named) == sorted([*pages, Path("tutorials/index.md")])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in assemble.LINK.finditer(page.read_text(encoding="utf-8")):
        aim = (page.parent / link["target"]).resolve()
        assert aim.exists(), link[0]
        if link["anchor"]:
            headings = re.findall(r"^#+ (.*)", aim.read_text(encoding="utf-8"), re.MULTILINE)
            assert link["anchor"] in {"#" + re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in headings}


def commands() -> list[str]:
    blocks = [block for page in PAGES for block in SHELL.findall(page.read_text(encoding="utf-8"))]
    lines = [line for block in blocks for line in block.splitlines()]
    return sorted({line for line in lines if line.startswith("spacetune ") and "…" not in line})


@pytest.mark.slow
def test_every_command_in_the_documents_can_be_typed() -> None:
    found = commands()
    assert len(found) > 40
    for line in found:
        words, command = shlex.split(line, comments=True)[1:], get_command(app)
        while hasattr(command, "commands"):
            name, *words = words
            command = command.commands[name]  # pyright: ignore[reportAttributeAccessIssue]
        command.make_context(line, [*words], resilient_parsing=False)
