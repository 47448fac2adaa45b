"""CONTRIBUTING on types: pyright's reports of unknown types are on, but where a file says why they are not."""

import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
REASON = re.compile(r"# (The types of .+ are partial|What .+)\.")


def without_reason(text: str) -> list[str]:
    """Return the lines that switch a report off for a file, and have no sentence above them that says why."""
    lines = text.splitlines()
    return [
        line
        for above, line in zip(["", *lines], lines, strict=False)
        if line.startswith("# pyright:") and not REASON.fullmatch(above)
    ]


def test_no_report_of_unknown_types_is_off_for_all_files() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["pyright"]
    assert settings["typeCheckingMode"] == "strict"
    assert [name for name, value in settings.items() if name.startswith("reportUnknown") and value is not True] == []


def test_a_file_without_them_says_why() -> None:
    files = {path: without_reason(path.read_text()) for path in (ROOT / "src").rglob("*.py")}
    assert {path.name: lines for path, lines in files.items() if lines} == {}


def test_a_line_without_a_reason_would_be_found() -> None:
    line = "# pyright: reportUnknownMemberType=false"
    assert without_reason(f"# The types of torch are partial.\n{line}") == []
    assert without_reason(f"import torch\n{line}") == [line]
