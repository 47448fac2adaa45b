"""Bring all pages of the site together in one folder: `python docs/site/assemble.py build/pages`.

Pages stay where they belong in the repository, with links that work there. Here every page gets its place in the site,
and links between them are rewritten. What Python knows (commands, requests of the server) is written beside them.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

from drawn import commands, requests, style

ROOT = Path(__file__).resolve().parents[2]
PICTURES = {".png", ".svg"}
LINK = re.compile(r"(?P<before>\]\()(?P<target>[^)\s#:]+)(?P<anchor>#[^)\s]*)?(?=[)\s])")


def places() -> dict[Path, Path]:
    """Return every page's place in the site by its place in the repository; sphinx-gallery makes those of scripts."""
    docs = ROOT / "docs"
    found = {page: page.relative_to(docs) for page in docs.rglob("*") if page.suffix in {".md", *PICTURES}}
    found |= {ROOT / name: Path("project", name.lower()) for name in ("CHANGELOG.md", "CONTRIBUTING.md")}
    found |= {
        page: Path("papers", page.name.replace("results", page.parent.name))
        for page in ROOT.glob("papers/*/*")
        if page.suffix in {".md", *PICTURES}
    }
    found |= {
        ROOT / "papers/README.md": Path("papers/about.md"),
        ROOT / "benchmarks/README.md": Path("project/measurements.md"),
    }
    found |= {script: Path("tutorials", f"{script.stem}.rst") for script in ROOT.glob("examples/*.py")}
    found[ROOT / "examples/GALLERY_HEADER.rst"] = Path("tutorials/index.rst")
    found[ROOT / "src/spacetune/data/demo/README.md"] = Path("reference/demo-data.md")
    return found


def relinked(page: Path, known: dict[Path, Path], site: Path) -> str:
    """Return a page's text with its links as they must be in the site.

    A file that is no page stays where it is, and can be downloaded.
    """
    here = known[page].parent

    def rewrite(link: re.Match[str]) -> str:
        aim = (page.parent / link["target"]).resolve()
        place = known.get(aim, aim)
        return f"{link['before']}{os.path.relpath(site / place, site / here)}{link['anchor'] or ''}"

    return LINK.sub(rewrite, page.read_text(encoding="utf-8"))


def write(file: Path, content: bytes) -> None:
    """Write what is new, so that Sphinx reads again only what has changed."""
    if not file.exists() or file.read_bytes() != content:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def main(site: Path) -> None:
    """Bring the pages to `site`, and take away those that are no more."""
    known = places()
    contents = {place: page.read_bytes() for page, place in known.items() if page.suffix in PICTURES}
    contents |= {place: relinked(page, known, site).encode() for page, place in known.items() if page.suffix == ".md"}
    contents |= {Path("drawn/commands.md"): commands().encode(), Path("drawn/requests.md"): requests().encode()}
    contents[Path("drawn/static/site.css")] = style().encode()
    for old in site.rglob("*.md"):
        if old.relative_to(site) not in contents:
            old.unlink()
    for place, content in contents.items():
        write(site / place, content)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
