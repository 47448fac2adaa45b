"""The lock holds what pyproject.toml asks for: one version of everything, with hashes, from no named place."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "lock"
if not LOCK.is_dir():
    pytest.skip("run from the root of the checkout", allow_module_level=True)
FILES = ("demo", "serve", "dev", "ray", "site", "extras")
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[\w.+-]+)(?P<rest>.*)", re.MULTILINE)


def pins(name: str) -> set[tuple[str, str]]:
    text = (LOCK / f"{name}.txt").read_text(encoding="utf-8")
    return {(found["name"], found["version"]) for found in PIN.finditer(text)}


def asked(*extras: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [Requirement(line) for line in project["dependencies"]]
    for extra in extras:
        for line in project["optional-dependencies"][extra]:
            wanted = Requirement(line)
            found += asked(*wanted.extras) if wanted.name == project["name"] else [wanted]
    return found


@pytest.mark.parametrize(
    ("name", "extras"),
    [
        ("demo", ["bundled"]),
        ("serve", ["bundled", "serve"]),
        ("dev", ["dev"]),
        ("ray", ["dev", "ray"]),
        ("site", ["site"]),
        ("extras", ["dev", "clients", "papers", "onnx"]),
    ],
)
def test_everything_that_is_asked_for_is_locked_within_its_range(name: str, extras: list[str]) -> None:
    locked = pins(name) | pins("torch")
    for wanted in asked(*extras):
        versions = [version for package, version in locked if package == wanted.name.lower()]
        assert versions, wanted
        assert all(wanted.specifier.contains(version) for version in versions), wanted


def test_the_files_agree() -> None:
    assert pins("demo") <= pins("serve") <= pins("dev") <= pins("extras")
    assert pins("dev") <= pins("ray")
    assert pins("dev") <= pins("site")


@pytest.mark.parametrize("name", FILES)
def test_every_line_has_hashes_and_no_address(name: str) -> None:
    text = (LOCK / f"{name}.txt").read_text(encoding="utf-8")
    assert all(found["rest"].endswith("\\") for found in PIN.finditer(text))
    assert len(re.findall(r"^\s+--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)) > len(pins(name))
    assert not re.search(r"://|--index|--find-links|^-e", text, re.MULTILINE)


@pytest.mark.parametrize("name", FILES)
def test_torch_and_what_its_cuda_build_adds_stay_out(name: str) -> None:
    assert [package for package, _ in pins(name) if re.match(r"torch$|nvidia|cuda|triton", package)] == []
