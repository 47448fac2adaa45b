"""One self-contained HTML page, which may load nothing from anywhere, and pictures of it by a headless browser."""

from __future__ import annotations

import base64
import hashlib
import os
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
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
APPLICATIONS = tuple(
    f"/Applications/{name}.app/Contents/MacOS/{name}" for name in ("Google Chrome", "Chromium", "Microsoft Edge")
)
ROOTS = ("PROGRAMFILES", "PROGRAMFILES(X86)", "LOCALAPPDATA")
PROGRAMS = (
    ("Google", "Chrome", "Application", "chrome.exe"),
    ("Chromium", "Application", "chrome.exe"),
    ("Microsoft", "Edge", "Application", "msedge.exe"),
)
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
    """Return the path of Chromium, Chrome or Edge, on the path or where installers put them, or None."""
    on_path = (shutil.which(name) for name in BROWSERS)
    roots = [root for name in ROOTS if (root := os.environ.get(name))]
    installed = [*APPLICATIONS, *(os.path.join(root, *place) for root in roots for place in PROGRAMS)]
    return next((found for found in (*on_path, *filter(os.path.isfile, installed)) if found), None)


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
    with tempfile.TemporaryDirectory(prefix="spacetune-picture-", ignore_cleanup_errors=True) as folder:
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
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SpacetuneError(f"{command[0]} did not take the picture: {error}") from error
    if done.returncode != 0:
        raise SpacetuneError(f"{command[0]} failed with code {done.returncode}: {done.stderr.strip()[-200:]}")
    return done.stdout
