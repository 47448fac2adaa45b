"""Draw docs/images/report.png and page.png: a fit's report, and the page of `serve`. Run: make images.

Both are of a fit of the demo data with seed 0, as in `spacetune demo`, and need Chromium with chromedriver.
"""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.browser import chromium

from spacetune.cli.demo import EXPLAINED
from spacetune.reports import render
from spacetune.studies import demo_texts, fit_model

HERE = Path(__file__).resolve().parent
WIDTH, REPORT_HEIGHT, PAGE_HEIGHT = 1000, 860, 1010
SAY = (
    "const t = document.getElementById('text'); t.value = arguments[0]; t.dispatchEvent(new Event('input'));"
    "document.activeElement.blur()"
)


def main() -> None:
    """Fit once, then take a picture of the report and of the served model."""
    with tempfile.TemporaryDirectory() as folder, chromium(Path(folder, "profile")) as driver:
        model, report = fit_model(demo_texts("train"), dev=demo_texts("dev"), test=demo_texts("test"), seed=0)
        model.save_pretrained(Path(folder, "demo-model"))
        driver.get(render(report, Path(folder, "report.html")).as_uri())
        _picture(driver, REPORT_HEIGHT, HERE / "report.png")
        with _served(Path(folder, "demo-model")) as address:
            driver.get(address)
            _until(lambda: driver.find_elements("css selector", "#panels .panel"))
            driver.execute_script(SAY, EXPLAINED[0])
            _until(lambda: driver.find_elements("css selector", ".panel .words")[0].text)
            time.sleep(2)  # the bars grow
            _picture(driver, PAGE_HEIGHT, HERE / "page.png")


def _picture(driver: Any, height: int, file: Path) -> None:
    size = {"width": WIDTH, "height": height, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    driver.save_screenshot(str(file))


@contextlib.contextmanager
def _served(model: Path) -> Iterator[str]:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        port = door.getsockname()[1]
    process = subprocess.Popen([sys.executable, "-m", "spacetune", "serve", str(model), "--port", str(port)])  # noqa: S603
    try:
        _until(lambda: _answers(f"http://127.0.0.1:{port}/ready"))
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(timeout=60)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address) as answer:  # noqa: S310
            return answer.status == 200
    except OSError:
        return False


def _until(found: Any, seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not found():
        if time.monotonic() > end:
            raise TimeoutError(f"not within {seconds} s")
        time.sleep(0.2)


if __name__ == "__main__":
    main()
