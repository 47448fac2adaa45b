"""The command `serve`: what is wrong is told before a model is loaded."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from spacetune.cli.app import app
from spacetune.cli.serve import read_aliases
from spacetune.errors import UsageError


@pytest.mark.parametrize("options", [["--api-key", ""], ["--api-key", "  "], ["--api-key="]])
def test_an_empty_key_is_refused(options: list[str]) -> None:
    result = CliRunner().invoke(app, ["serve", "no-such-model", *options])
    assert result.exit_code == 2
    assert "is empty, which would let everyone in" in result.stderr


@pytest.mark.parametrize("value", ["", " "])
def test_an_empty_key_in_the_environment_is_refused(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("SPACETUNE_API_KEY", value)
    result = CliRunner().invoke(app, ["serve", "no-such-model"])
    assert result.exit_code == 2
    assert "SPACETUNE_API_KEY) is empty" in result.stderr
    result = CliRunner().invoke(app, ["serve", "no-such-model", "--api-key", "k3y"])
    assert "is empty" not in result.stderr


def test_aliases_are_names_for_the_first_model_or_another() -> None:
    given = ["text-embedding-3-small", "*=b", "a=b=b"]
    assert read_aliases(given, ["a", "b"]) == {"text-embedding-3-small": "a", "*": "b", "a=b": "b"}
    for wrong in (["=a"], [""], ["x", "x=b"]):
        with pytest.raises(UsageError, match="--alias must be"):
            read_aliases(wrong, ["a", "b"])
