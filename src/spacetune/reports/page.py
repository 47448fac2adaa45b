"""One self-contained HTML page, which may load nothing from anywhere, and pictures of it by a headless browser."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import tempfile
from importlib.resources import files
from pathlib import Path

from spacetune.errors import SpacetuneError
from spacetune.files import write_file
from spacetune.reports.markup import Markup, tag

__all__ = ["asset", "find_browser", "fragment", "page", "picture"]

SCRIPTS = ("turning.js", "explanation.js")
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
WIDTH, TALLEST = 1000, 16_000
SECONDS = 120


def asset(name: str) -> str:
    """Return a file of the reports' looks: ``report.css`` or one of the scripts."""
    return (files("spacetune.reports") / "assets" / name).read_text(encoding="utf-8")


def page(title: str, body: Markup) -> str:
    """Return a whole page; its content policy allows this style and this script and nothing else."""
    script = "\n".join(map(asset, SCRIPTS))
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'; img-src data:"
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", Markup(asset("report.css"))),
    )
    whole = tag(
        "html", head, tag("body", tag("main", body), tag("script", Markup(script)), class_="spacetune"), lang="en"
    )
    return f"<!doctype html>\n{whole}\n"


def fragment(body: Markup) -> str:
    """Return what a notebook shows: the body with its style, without script."""
    return tag("div", tag("style", Markup(asset("report.css"))), body, class_="spacetune")


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def picture(html: str, file: Path) -> None:
    """Take a picture of a page (``.png``), or print it (``.pdf``): vectors, with fonts embedded, for a paper.

    A picture has the page's full height, up to 16,000 pixels. The page comes from a temporary file, without network.
    Raises `SpacetuneError` if there is no browser, or it fails.
    """
    browser = find_browser()
    if browser is None:
        raise SpacetuneError(
            f"a {file.suffix} needs Chromium or Chrome, and neither was found; install it (Debian: apt install "
            "chromium), or write .html and print it from any browser"
        )
    with tempfile.TemporaryDirectory(prefix="spacetune-picture-") as folder:
        shown, made = Path(folder, "page.html"), Path(folder, f"page{file.suffix}")
        shown.write_text(html, encoding="utf-8")
        command = [browser, *QUIET, f"--user-data-dir={folder}/profile"]
        if file.suffix == ".pdf":
            _run([*command, "--no-pdf-header-footer", f"--print-to-pdf={made}", shown.as_uri()])
        else:
            dumped = _run([*command, f"--window-size={WIDTH},800", "--dump-dom", shown.as_uri()])
            told = re.search(r'data-height="(\d+)"', dumped)
            height = min(int(told.group(1)) if told else 2000, TALLEST)
            _run([*command, f"--window-size={WIDTH},{height}", f"--screenshot={made}", shown.as_uri()])
        if not made.is_file():
            raise SpacetuneError(f"{browser} wrote no {file.suffix}")
        try:
            write_file(file, made.read_bytes())
        except OSError as error:
            raise SpacetuneError(f"{file} cannot be written: {error.strerror}") from error


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)  # noqa: S603
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SpacetuneError(f"{command[0]} did not take the picture: {error}") from error
    if done.returncode != 0:
        raise SpacetuneError(f"{command[0]} failed with code {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout
