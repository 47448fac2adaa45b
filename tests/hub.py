"""A hub on loopback that takes commits and gives files: what huggingface_hub asks of the real one, and no more."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["FakeHub", "fake_hub"]

TOKEN = "good"


class FakeHub:
    """Repositories by name, each its branches and commits: name to files."""

    def __init__(self) -> None:
        self.repositories: dict[str, dict[str, dict[str, bytes]]] = {}
        self.private: set[str] = set()
        self.asked: list[str] = []
        self.address = ""

    def commit(self, name: str, branch: str, lines: list[dict[str, Any]]) -> str:
        """Add files to the newest commit of a branch, and return the new one."""
        branches = self.repositories[name]
        files = dict(branches.get(branch, branches["main"]))
        for line in lines:
            if line["key"] == "file":
                files[line["value"]["path"]] = base64.b64decode(line["value"]["content"])
        number = hashlib.sha1(b"".join(sorted(k.encode() + v for k, v in files.items()))).hexdigest()
        branches[branch] = branches[number] = files
        return number

    def at(self, name: str, revision: str) -> str:
        """Return the commit that a branch stands at."""
        files = self.repositories[name][revision]
        return next(n for n, held in self.repositories[name].items() if len(n) == 40 and held is files)


class Handler(BaseHTTPRequestHandler):
    hub: FakeHub

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def tell(self, code: int, body: Any, **headers: str) -> None:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(code)
        for name, value in {"Content-Length": str(len(content)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def missing(self, what: str) -> None:
        self.tell(404, {"error": what}, X_Error_Code=what)

    @property
    def known(self) -> bool:
        return self.headers.get("Authorization") == f"Bearer {TOKEN}"

    def parts(self) -> list[str]:
        self.hub.asked.append(f"{self.command} {self.path}")
        return self.path.split("?")[0].strip("/").split("/")

    def hidden(self, name: str) -> bool:
        return name not in self.hub.repositories or (name in self.hub.private and not self.known)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        parts = self.parts()
        about = parts[:2] == ["api", "models"]
        if not about and parts[2:3] != ["resolve"]:
            self.missing("EntryNotFound")
            return
        name, rest = ("/".join(parts[2:4]), parts[4:]) if about else ("/".join(parts[:2]), parts[2:])
        revision = rest[1] if len(rest) > 1 else "main"
        if self.hidden(name):
            self.missing("RepoNotFound")
        elif revision not in self.hub.repositories[name]:
            self.missing("RevisionNotFound")
        elif about:
            self.describe(name, revision, tree=rest[:1] == ["tree"])
        else:
            self.give(name, revision, "/".join(rest[2:]))

    def describe(self, name: str, revision: str, *, tree: bool) -> None:
        files = self.hub.repositories[name][revision]
        listed = [
            {"type": "file", "path": p, "size": len(c), "oid": hashlib.sha1(c).hexdigest()} for p, c in files.items()
        ]
        siblings = [{"rfilename": path} for path in files]
        about = {"id": name, "sha": self.hub.at(name, revision), "siblings": siblings, "private": False, "tags": []}
        self.tell(200, listed if tree else about)

    def give(self, name: str, revision: str, path: str) -> None:
        files = self.hub.repositories[name][revision]
        if path not in files:
            self.missing("EntryNotFound")
            return
        etag = hashlib.sha1(files[path]).hexdigest()
        self.tell(200, files[path], ETag=f'"{etag}"', X_Repo_Commit=self.hub.at(name, revision))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = self.parts()
        if not self.known:
            self.tell(401, {"error": "Invalid username or password."})
        elif parts == ["api", "repos", "create"]:
            self.create(json.loads(body))
        elif parts == ["api", "validate-yaml"]:
            self.tell(200, {"errors": [], "warnings": []})
        elif self.hidden("/".join(parts[2:4])):
            self.missing("RepoNotFound")
        else:
            self.change("/".join(parts[2:4]), parts[4], parts[5], body)

    def create(self, told: dict[str, Any]) -> None:
        name = "/".join(filter(None, [told.get("organization"), told["name"]]))
        self.hub.repositories.setdefault(name, {"main": {}})
        if told.get("private") or told.get("visibility") == "private":
            self.hub.private.add(name)
        self.tell(200, {"url": f"{self.hub.address}/{name}", "name": name})

    def change(self, name: str, what: str, branch: str, body: bytes) -> None:
        if what == "branch":
            self.hub.repositories[name].setdefault(branch, self.hub.repositories[name]["main"])
            self.tell(200, {})
        elif what == "preupload":
            asked = json.loads(body)["files"]
            told = [{"path": file["path"], "uploadMode": "regular", "shouldIgnore": False} for file in asked]
            self.tell(200, {"files": told})
        else:
            number = self.hub.commit(name, branch, [json.loads(line) for line in body.splitlines()])
            url = f"{self.hub.address}/{name}/commit/{number}"
            self.tell(200, {"success": True, "commitOid": number, "commitUrl": url, "hookOutput": ""})


@contextmanager
def fake_hub() -> Iterator[FakeHub]:
    """Run a hub on a free port of this machine."""
    hub = FakeHub()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Own", (Handler,), {"hub": hub}))
    hub.address = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
