"""The command `serve`: what is wrong is told before a model is loaded."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from spacetune.cli.app import app
from spacetune.cli.serve import read_aliases
from spacetune.errors import UsageError
from spacetune.web import serving


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


def test_an_address_is_told_once_it_is_listened_on(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    closed: Any = SimpleNamespace(getsockname=lambda: ("127.0.0.1", 4321), close=lambda: None)
    monkeypatch.setattr(serving, "make_app", lambda *given, **named: None)
    monkeypatch.setattr(serving, "_until_a_signal", lambda *given: asyncio.sleep(0, result=False))
    for host, shown in (("127.0.0.1", "http://127.0.0.1:4321/"), ("::1", "http://[::1]:4321/")):
        monkeypatch.setattr(serving, "listen", lambda host, port: [closed])
        serving.serve([], host=host, port=0, tell=told.append)
        assert told.pop() == shown

    def taken(host: str, port: int) -> list[Any]:
        raise UsageError("cannot listen on 127.0.0.1 port 8000")

    monkeypatch.setattr(serving, "listen", taken)
    with pytest.raises(UsageError):
        serving.serve([], tell=told.append)
    assert told == []
