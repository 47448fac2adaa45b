"""What Windows and macOS do otherwise: clocks, arguments, paths, streams, signals, browsers, memory."""

from __future__ import annotations

import errno
import importlib
import math
import os
import socket
import sys
import time
import types
from pathlib import Path, PureWindowsPath
from typing import Any

import pytest
import torch

from spacetune import files
from spacetune.cli import app as cli_app
from spacetune.cli import streams
from spacetune.cli.app import run_app
from spacetune.cli.places import write_place
from spacetune.data.remote import is_address
from spacetune.encoders.loading import machine, resolving
from spacetune.encoders.sentences import folder as sentences
from spacetune.errors import EncoderError, UsageError
from spacetune.fitting import memory
from spacetune.reports import page
from spacetune.web import door


def test_a_clock_that_ticks_every_sixteen_milliseconds_still_chooses(monkeypatch: pytest.MonkeyPatch) -> None:
    tick = 1 / 64
    monkeypatch.setattr(time, "thread_time", lambda: math.floor(time.perf_counter() / tick) * tick)
    monkeypatch.setattr(machine, "_native_bfloat16", lambda: True)
    for system in ("win32", "linux"):
        machine._bfloat16_crawls.cache_clear()
        monkeypatch.setattr(machine.sys, "platform", system)
        assert machine.choose_dtype("auto", torch.device("cpu")) in (torch.bfloat16, torch.float32)
    machine._bfloat16_crawls.cache_clear()


def test_arguments_are_never_expanded(monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    monkeypatch.setattr(cli_app, "app", lambda **options: given.update(options) or 0)
    assert run_app() == 0
    assert given["windows_expand_args"] is False


@pytest.mark.parametrize("path", ["/x", "\\x", "D:x", "C:\\x", "a\\..\\..\\b", "../b", "//server/share/x"])
def test_a_module_never_lies_outside_its_folder(tmp_path: Path, path: str) -> None:
    entry = {"type": "sentence_transformers.models.Dense", "path": path}
    with pytest.raises(EncoderError, match="outside of its folder"):
        sentences._module(entry, tmp_path, tmp_path / "modules.json")


@pytest.mark.parametrize("path", ["", "1_Pooling", "a/b"])
def test_modules_in_the_folder_are_found(tmp_path: Path, path: str) -> None:
    entry = {"type": "sentence_transformers.models.Dense", "path": path}
    assert sentences._module(entry, tmp_path, tmp_path / "modules.json") == ("Dense", tmp_path / path)


def test_an_address_as_a_windows_path_is_one() -> None:
    assert is_address(str(PureWindowsPath("s3://bucket/a.csv")))
    assert not is_address("C:\\texts\\a.csv")


def test_a_windows_path_is_no_name_on_the_hub() -> None:
    with pytest.raises(EncoderError, match="is not a folder"):
        resolving.locate("models\\none")


def test_weights_are_digested_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name in ("b.safetensors", "C.safetensors", "a.safetensors"):
        (tmp_path / name).write_bytes(name.encode())
    import hashlib

    whole = b"C.safetensorsa.safetensorsb.safetensors"  # upper case first, wherever
    assert resolving.weights_sha256(tmp_path) == hashlib.sha256(whole).hexdigest()


def test_json_is_ascii_where_the_output_is_not_utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    result: Any = types.SimpleNamespace(to_json=lambda indent: '{"text": "café"}')
    monkeypatch.setattr("builtins.print", said.append)
    for encoding in ("cp1252", "utf-8", "UTF8"):
        monkeypatch.setattr(streams.sys, "stdout", types.SimpleNamespace(encoding=encoding))
        streams.print_json(result)
    assert said == ['{\n  "text": "caf\\u00e9"\n}', '{"text": "café"}', '{"text": "café"}']


def test_a_closed_pipe_is_told_from_other_errors(monkeypatch: pytest.MonkeyPatch) -> None:
    invalid, named = OSError(errno.EINVAL, "Invalid argument"), OSError(errno.EINVAL, "Invalid argument", "a file")
    assert streams.nobody_reads(BrokenPipeError())
    assert not streams.nobody_reads(invalid)
    monkeypatch.setattr(streams, "os", types.SimpleNamespace(name="nt"))
    assert streams.nobody_reads(invalid)
    assert not streams.nobody_reads(named)


def test_browsers_are_found_where_installers_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page.shutil, "which", lambda name: None)
    monkeypatch.setattr(page, "APPLICATIONS", (str(tmp_path / "Google Chrome"),))
    for name in page.ROOTS:
        monkeypatch.delenv(name, raising=False)
    assert page.find_browser() is None
    edge = tmp_path.joinpath("programs", *page.PROGRAMS[-1])
    edge.parent.mkdir(parents=True)
    edge.touch()
    monkeypatch.setenv("PROGRAMFILES", str(tmp_path / "programs"))
    assert page.find_browser() == str(edge)
    (tmp_path / "Google Chrome").touch()
    assert page.find_browser() == str(tmp_path / "Google Chrome")


def test_the_memory_of_a_machine_without_sysconf(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "LIMITS", ())
    monkeypatch.setattr(memory, "os", types.SimpleNamespace())
    told = types.SimpleNamespace(virtual_memory=lambda: types.SimpleNamespace(total=5 << 30))
    monkeypatch.setitem(sys.modules, "psutil", told)
    assert memory.memory_bytes() == 5 << 30
    monkeypatch.setitem(sys.modules, "psutil", None)
    assert memory.memory_bytes() == memory.UNKNOWN


def test_a_mac_without_locks_on_a_volume_saves_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On macOS, ENOTSUP and EOPNOTSUPP are two numbers, and network volumes answer with the first."""
    monkeypatch.setattr(errno, "ENOTSUP", 45)
    monkeypatch.setattr(errno, "EOPNOTSUPP", 102)
    own = importlib.util.spec_from_file_location("spacetune_files_of_a_mac", files.__file__)
    assert own is not None
    assert own.loader is not None
    mac = importlib.util.module_from_spec(own)
    own.loader.exec_module(mac)

    def none(descriptor: int, how: int) -> None:
        raise OSError(45, "Operation not supported")

    monkeypatch.setattr(mac.fcntl, "flock", none)
    mac.write_file(tmp_path / "a", b"content")
    with mac.lock(tmp_path / "lock"):
        pass
    assert os.listdir(tmp_path) == ["a"]


def test_no_other_program_takes_the_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(door, "os", types.SimpleNamespace(name="nt"))
    monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", -5, raising=False)
    asked: list[tuple[int, ...]] = []

    class Socket:
        family = socket.AF_INET

        def setsockopt(self, *what: int) -> None:
            asked.append(what)

        def bind(self, address: object) -> None: ...
        def listen(self, backlog: int) -> None: ...
        def setblocking(self, flag: bool) -> None: ...

    opened: Any = Socket()
    assert door._listening(opened, ("127.0.0.1", 0)) is opened
    assert asked == [(socket.SOL_SOCKET, -5, 1)]


def test_a_result_never_goes_into_what_is_read_however_that_is_spelt(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where case makes no difference, another spelling is the same folder."""
    (tmp_path / "texts").mkdir()
    (tmp_path / "texts" / "out.json").touch()
    (tmp_path / "Texts").symlink_to(tmp_path / "texts")  # as a second spelling of it
    with pytest.raises(UsageError, match="which this command reads"):
        write_place(tmp_path / "Texts" / "out.json", inputs=(tmp_path / "texts",))


def test_float64_on_mps_is_refused_in_words() -> None:
    with pytest.raises(UsageError, match="float64 cannot be computed on the device mps"):
        machine.choose_dtype("float64", torch.device("mps"))
    assert machine.choose_dtype("auto", torch.device("mps")) == torch.float32
