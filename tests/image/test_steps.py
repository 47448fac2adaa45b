"""The Dockerfile's own steps, without a builder: installed in an empty environment, served by a user without rights."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spacetune import LinearProbe, few_shot
from spacetune.studies import demo_texts

ROOT = Path(__file__).resolve().parents[2]
NOBODY = 65534


def steps() -> list[tuple[str, str]]:
    """Return the instructions and what follows them, continued lines joined, comments left out."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line.split(maxsplit=1) for line in text.splitlines() if line and not line.startswith("#")]
    return [(name, rest) for name, rest in lines]


def told(name: str) -> str:
    return next(rest for each, rest in steps() if each == name)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Do what the file says, in a folder and an environment of its own; return the environment's programs."""
    place = tmp_path_factory.mktemp("image")
    subprocess.run([sys.executable, "-m", "venv", place / "env"], check=True)
    index = os.environ.get("TORCH_INDEX") or told("ARG").partition("=")[2]
    env = {**os.environ, "PATH": f"{place / 'env/bin'}:{os.environ['PATH']}", "TORCH_INDEX": index}
    here = place / "root"
    here.mkdir()
    for name, rest in steps():
        if name == "COPY":
            *given, to = rest.split()
            for each in given:
                into = here / to if len(given) == 1 else here / to / each
                (shutil.copytree if (ROOT / each).is_dir() else shutil.copy)(ROOT / each, into)
        if name == "RUN":
            command = re.sub(r"&& useradd.*", "", rest)
            done = subprocess.run(["sh", "-c", command], cwd=here, env=env, capture_output=True, text=True)
            assert done.returncode == 0, done.stdout + done.stderr
    return place / "env/bin"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = few_shot(demo_texts("train"), 32)
    place = tmp_path_factory.mktemp("mounted") / "model"
    LinearProbe(store=None).fit(data.texts, data.labels).save_pretrained(place)
    return place


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture(scope="module")
def server(built: Path, model: Path, port: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    entry, command = json.loads(told("ENTRYPOINT")), json.loads(told("CMD"))
    assert command[:2] == ["serve", "/model"]
    home = tmp_path_factory.mktemp("home")
    for folder in (home, model, built):  # pytest keeps its folders to their owner
        for each in (folder, *folder.parents):
            if each != Path("/tmp") and "pytest" in str(each):
                each.chmod(0o755)
    home.chmod(0o777)
    words = [str(built / entry[0]), "serve", str(model), *command[2:], "--port", str(port)]
    python = (built / "python").resolve()
    open_to_all = all(each.stat().st_mode & 0o001 for each in (python, *python.parents))
    other = {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.getuid() == 0 and open_to_all else {}
    env = {"PATH": str(built), "HOME": str(home), "SPACETUNE_API_KEY": "a key"}
    running = subprocess.Popen(words, cwd="/", env=env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **other)
    yield running
    running.terminate()
    assert running.wait(30) == 0, running.communicate()[1].decode()


def test_the_check_of_its_health_holds_and_it_answers(server: Any, built: Path, port: int) -> None:
    check = json.loads(re.sub(r"^.*CMD ", "", told("HEALTHCHECK")))
    check = [str(built / check[0]), *(word.replace("8000", str(port)) for word in check[1:])]
    until = time.monotonic() + 120
    while subprocess.run(check, capture_output=True).returncode:
        assert server.poll() is None, server.communicate()[1].decode()
        assert time.monotonic() < until
        time.sleep(0.5)
    body = json.dumps({"texts": ["Where is my card?"]}).encode()
    asked = urllib.request.Request(
        f"http://127.0.0.1:{port}/predict",
        body,
        {"Content-Type": "application/json", "Authorization": "Bearer a key"},
    )
    with urllib.request.urlopen(asked) as answer:
        assert json.load(answer)["predicted"] == ["payment_problem"]


def test_what_it_says_of_itself_is_there(built: Path) -> None:
    user = [rest for name, rest in steps() if name == "USER"]
    assert user
    assert user[-1] != "root"
    assert f"useradd --create-home --uid 1000 {user[-1]}" in told("RUN") + str(steps())
    said = subprocess.run([built / "python", "-m", "pip", "check"], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout
    assert shlex.quote(told("EXPOSE")) == "8000"
