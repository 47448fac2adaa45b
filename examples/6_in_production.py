"""
A model in production
=====================

Served over HTTP, scored on new data, looked at in reports.
"""

# %%
# A saved model
# -------------

import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

from spacetune import render
from spacetune.studies import demo_texts, fit_model, score_model

folder = Path(tempfile.mkdtemp())
model, report = fit_model(demo_texts("train"), dev=demo_texts("dev"), baselines=False, save_to=folder / "shop", seed=0)

# %%
# Serve it
# --------
# In a terminal::
#
#     spacetune serve shop --port 8000
#
# It serves a page at http://127.0.0.1:8000 that explains a text as you type. Here the same command runs next to this
# script, on a free port.

with socket.socket() as door:
    door.bind(("127.0.0.1", 0))
    port = door.getsockname()[1]
address = f"http://127.0.0.1:{port}"
server = subprocess.Popen(
    [sys.executable, "-m", "spacetune", "serve", str(folder / "shop"), "--port", str(port)], stderr=subprocess.DEVNULL
)


def ask(path, body=None):
    """Send a request, and return what the answer's JSON holds."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address + path, data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


for _ in range(600):
    try:
        print(ask("/ready"))
        break
    except urllib.error.URLError:
        time.sleep(0.1)

# %%
# Ask it
# ------
# Requests that arrive together are read in one pass. What is over a limit is refused at once, with one sentence.

answer = ask("/predict", {"texts": ["The zip broke on day one.", "Where is my parcel?"]})
list(answer)

# %%
# An explanation holds what the page and the reports draw.

why = ask("/explain", {"texts": ["The zip broke on day one."]})
list(why["texts"][0])

# %%
# Clients written for text-embeddings-inference, vLLM, OpenAI's embeddings and Hugging Face's ``InferenceClient`` work
# too. SIGTERM ends the server after the requests that have come are answered.

server.terminate()
server.wait(timeout=60)

# %%
# Score it on what came later
# ---------------------------
# ``spacetune score shop later.csv`` counts texts that the model was trained on, and shows the majority baseline beside
# its scores. If these fall clearly below those on dev, the texts may have changed: label some, and fit again.

scores = score_model(model, demo_texts("test"))
scores

# %%
# Reports
# -------
# ``render`` writes any result to a file; the ending sets the format: ``.html``, ``.md``, ``.png``, ``.pdf``, ``.json``,
# ``.csv``, ``.jsonl`` or ``.parquet``.

for name in ("scores.html", "scores.md", "scores.json"):
    print(name, render(scores, folder / name).stat().st_size, "bytes")

# %%
# What else to mind
# -----------------
# - Keep the server on loopback, or set ``--api-key`` and put a proxy with TLS before it. *Reports, the server and its
#   page* has the limits and how it stops.
# - ``GET /metrics`` is for Prometheus; the log is JSON lines and never holds a text.
# - The model folder is whole at every moment: a fit in the same place replaces it by one rename.
