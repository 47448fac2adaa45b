"""Peers that do not install beside transformers 5, in an environment of their own: one process, lines of JSON.

`python -m benchmarks speed --peers-python PATH` starts `PATH -m benchmarks.peer_worker` and asks it in turn with the
other contestants. The environment needs torch, sentence-transformers with its onnx and openvino extras, and setfit.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.other_python import OtherPython

PACKAGES = ("torch", "transformers", "sentence-transformers", "onnxruntime", "openvino", "setfit")


class Worker(OtherPython):
    """A process of another Python that encodes and trains on request."""

    def __init__(self, python: str) -> None:
        environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": "ignore"}
        super().__init__(python, "benchmarks.peer_worker", env=environment, stderr=subprocess.DEVNULL)
        self._sent: set[int] = set()
        self.versions: dict[str, str] = self.ask(do="versions")

    def ask(self, **request: Any) -> Any:
        """Send a request and wait for its answer."""
        answer = self.exchange(request)
        if "error" in answer:
            raise RuntimeError(answer["error"])
        return answer["found"]

    def make(self, folder: Path, max_length: int, backend: str) -> Any:
        """Return an encoder of texts that runs over there; texts travel once."""
        self.ask(do="make", folder=str(folder), max_length=max_length, backend=backend)

        def encode(texts: list[str]) -> None:
            number = hash(tuple(texts))
            if number not in self._sent:
                self.ask(do="hold", number=number, texts=texts)
                self._sent.add(number)
            self.ask(do="encode", backend=backend, number=number)

        return encode


def serve() -> None:
    """Answer requests from stdin until it ends; what libraries print goes to stderr."""
    from benchmarks import peers

    encoders: dict[str, Any] = {}
    held: dict[int, list[str]] = {}
    trained: dict[str, Any] = {}

    def answer(request: dict[str, Any]) -> Any:
        match request["do"]:
            case "versions":
                return {name: importlib.metadata.version(name) for name in PACKAGES if _installed(name)}
            case "make":
                folder, backend = Path(request["folder"]), request["backend"]
                encoders[backend] = peers.sentence_transformers(folder, request["max_length"], backend)
            case "hold":
                held[request["number"]] = request["texts"]
            case "encode":
                encoders[request["backend"]](held[request["number"]])
            case "setfit_fit":
                given = (Path(request["folder"]), request["texts"], request["labels"], request["seed"])
                trained["setfit"], facts = peers.fitted_setfit(*given)
                return facts
            case "setfit_probabilities":
                return np.asarray(trained["setfit"].predict_proba(request["texts"])).tolist()
            case _:
                folder = Path(request["folder"])
                return peers.setfit(folder, request["texts"], request["labels"], n_steps=request["n_steps"])
        return None

    for line in sys.stdin:
        try:
            with contextlib.redirect_stdout(sys.stderr):
                found = {"found": answer(json.loads(line))}
        except Exception as error:
            found = {"error": peers.reason(error)}
        print(json.dumps(found), flush=True)


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


if __name__ == "__main__":
    serve()
