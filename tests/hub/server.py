"""A small stand-in for the Hugging Face Hub, with the endpoints that a download uses."""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """Folders by the names of their models, and what was asked for.

    ``gated`` are models whose files need a token; ``sizes`` replace the sizes of files.
    """

    folders: dict[str, Path] = field(default_factory=dict)
    gated: set[str] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    status: int = 200
    lost: int = 0  # bytes of a file that don't arrive
    asked: list[str] = field(default_factory=list)
    tokens: list[str | None] = field(default_factory=list)
    endpoint: str = ""

    def downloads(self) -> list[str]:
        """The names of the files whose contents were sent."""
        return [each.rsplit("/", 1)[1] for each in self.asked if each.startswith("GET file")]


class Handler(BaseHTTPRequestHandler):
    """Answers for ``hub``."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.hub.tokens.append(self.headers["Authorization"])
        self._file(body=False)

    def do_GET(self) -> None:
        self.hub.tokens.append(self.headers["Authorization"])
        path = urlsplit(self.path).path
        found = re.fullmatch(r"/api/models/([^/]+/[^/]+)(?:/revision/[^/]+)?", path)
        if self.hub.status != 200:
            self._send(self.hub.status, b"{}", {})
        elif found:
            self._info(found[1])
        else:
            self._file(body=True)

    def _info(self, name: str) -> None:
        if name not in self.hub.folders:
            self._send(401, b"{}", {"X-Error-Code": "RepoNotFound"})
            return
        files = sorted(path for path in self.hub.folders[name].rglob("*") if path.is_file())
        siblings = [
            {
                "rfilename": path.relative_to(self.hub.folders[name]).as_posix(),
                "size": self.hub.sizes.get(path.name, path.stat().st_size),
                "blobId": hashlib.sha256(path.read_bytes()).hexdigest()[:40],
            }
            for path in files
        ]
        answer = {"id": name, "sha": COMMIT, "siblings": siblings, "private": False}
        self._send(200, json.dumps(answer).encode(), {})

    def _file(self, body: bool) -> None:
        found = re.fullmatch(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)", urlsplit(self.path).path)
        if not found or found[1] not in self.hub.folders or self.hub.status != 200:
            status = self.hub.status if self.hub.status != 200 else 404
            self._send(status, b"", {"X-Error-Code": "RepoNotFound"})
            return
        name, revision, file = found.groups()
        self.hub.asked.append(f"{'GET' if body else 'HEAD'} file {revision}/{file}")
        if name in self.hub.gated:
            self._send(401, b"", {"X-Error-Code": "GatedRepo"})
            return
        path = self.hub.folders[name] / file
        if not path.is_file():
            self._send(404, b"", {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": COMMIT})
            return
        data = path.read_bytes()
        etag = hashlib.sha256(data).hexdigest()
        if body and file.endswith(".safetensors"):
            data = data[: len(data) - self.hub.lost]
        self._send(200, data, {"X-Repo-Commit": COMMIT, "ETag": f'"{etag}"'}, body)

    def _send(self, status: int, data: bytes, headers: dict[str, str], body: bool = True) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body and self.command != "HEAD":
            self.wfile.write(data)


@contextmanager
def serving() -> Iterator[Hub]:
    """A running stand-in, without models."""
    hub = Hub()
    handler = type("HubHandler", (Handler,), {"hub": hub})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    hub.endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
