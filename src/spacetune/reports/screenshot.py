"""A picture of a page, taken by whichever headless browser is here."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from spacetune.errors import SpacetuneError
from spacetune.files import write_file

__all__ = ["find_browser", "screenshot"]

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
QUIET = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip
WIDTH, TALLEST = 1000, 16_000
SECONDS = 120


def find_browser() -> str | None:
    """Return the path of Chromium or Chrome, or None."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


def screenshot(html: str, file: Path) -> None:
    """Take a picture of a page at its full height, up to 16,000 pixels, from a temporary file and without network.

    Raises `SpacetuneError` if there is no browser, or it fails.
    """
    browser = find_browser()
    if browser is None:
        raise SpacetuneError(
            "a picture needs Chromium or Chrome, and neither was found; install it (Debian: apt install chromium), "
            "or write .html and print it from any browser"
        )
    with tempfile.TemporaryDirectory(prefix="spacetune-picture-") as folder:
        page, picture = Path(folder, "page.html"), Path(folder, "page.png")
        page.write_text(html, encoding="utf-8")
        command = [browser, *QUIET, f"--user-data-dir={folder}/profile"]
        dumped = _run([*command, f"--window-size={WIDTH},800", "--dump-dom", page.as_uri()])
        told = re.search(r'data-height="(\d+)"', dumped)
        height = min(int(told.group(1)) if told else 2000, TALLEST)
        _run([*command, f"--window-size={WIDTH},{height}", f"--screenshot={picture}", page.as_uri()])
        if not picture.is_file():
            raise SpacetuneError(f"{browser} wrote no picture")
        try:
            write_file(file, picture.read_bytes())
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
