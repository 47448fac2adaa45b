"""Real Chromium through selenium, for the tests of pages; they are skipped where it is not installed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
    "--window-size=1100,900",
)  # fmt: skip
LISTEN = """
window.__wrong = [];
window.addEventListener('error', (e) => window.__wrong.push(String(e.message)));
window.addEventListener('unhandledrejection', (e) => window.__wrong.push(String(e.reason)));
window.addEventListener('securitypolicyviolation', (e) => window.__wrong.push('policy: ' + e.blockedURI));
"""


@contextmanager
def chromium(profile: Path) -> Iterator[Any]:
    """Open a browser with a fresh profile."""
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    paths = shutil.which("chromium"), shutil.which("chromedriver")
    if None in paths:
        pytest.skip("chromium and chromedriver are not installed (Debian: apt install chromium chromium-driver)")
    options = selenium.ChromeOptions()
    options.binary_location = paths[0]
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = selenium.Chrome(options=options, service=selenium.ChromeService(paths[1]))
    driver.execute_cdp_cmd("Page.addScriptToEvaluateOnNewDocument", {"source": LISTEN})
    try:
        yield driver
    finally:
        driver.quit()


def complaints(driver: Any) -> list[str]:
    """Return what the page's console and its listeners have noted."""
    logged = [entry["message"] for entry in driver.get_log("browser") if entry["level"] in ("SEVERE", "WARNING")]
    return [*logged, *driver.execute_script("return window.__wrong || []")]


def requested(driver: Any) -> list[str]:
    """Return every address the browser has asked for since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    sent = [m["params"]["request"]["url"] for m in messages if m["method"] == "Network.requestWillBeSent"]
    return [url for url in sent if not url.startswith(("data:", "blob:", "chrome:", "about:"))]


AXE = """
const done = arguments[0];
axe.run(document, { resultTypes: ["violations"] }).then((found) => done(
  found.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 120)).join(" | ")}`)));
"""


def barriers(driver: Any) -> list[str]:
    """Return what axe finds on the page that keeps people out, in light and in dark."""
    axe = pytest.importorskip("axe_core_python", reason="axe-core-python is not installed").__path__[0]
    driver.execute_script(Path(axe, "axe.min.js").read_text(encoding="utf-8"))
    found: list[str] = []
    for theme in ("light", "dark"):
        told = {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", told)
        found += [f"{theme}: {each}" for each in driver.execute_async_script(AXE)]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    return found


def picture(driver: Any, file: Path) -> None:
    """Save a picture of the whole page."""
    height = driver.execute_script("return document.documentElement.scrollHeight")
    driver.set_window_size(1100, min(int(height) + 150, 8000))
    driver.save_screenshot(str(file))
    driver.set_window_size(1100, 900)
