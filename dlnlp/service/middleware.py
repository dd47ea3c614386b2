"""ASGI middleware for the whole app: request ids, security headers, limits, and the HTTP paths."""

from __future__ import annotations

import asyncio
import json
import logging
import time
import uuid
from collections.abc import Callable, Mapping
from types import MappingProxyType

from anyio.to_thread import run_sync
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Paths whose requests count for the limit of an address.
LIMITED = (
    "/v1/",
    "/mcp",
    "/gradio_api/queue/join",
    "/gradio_api/call/",
    "/gradio_api/run/",
    "/gradio_api/api/",  # the same as run
    "/gradio_api/upload",
)
# Gradio's page needs inline scripts and eval (its js= handlers), and workers from blobs. It may be
# framed by Hugging Face, which shows a Space in a frame. On a Space, Gradio asks the Hub about
# it, and would cover the page's buttons with a badge; connect-src prevents this.
POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "media-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "connect-src 'self' data: blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self' https://huggingface.co https://*.hf.space",
    ]
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "strict-origin-when-cross-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_log = logging.getLogger("dlnlp.access")


class Front:
    """Gives each request an id, adds headers, and sends the HTTP interface's paths to its app.

    Args:
        app: The page.
        http: Makes the HTTP interface on its first request; that takes a while.
        paths: The beginnings of its paths.
        files: Further apps, by the beginnings of their paths.
        limit: The most requests of one address, such as "60/minute".
    """

    def __init__(
        self,
        app: ASGIApp,
        http: Callable[[], ASGIApp],
        paths: tuple[str, ...],
        files: Mapping[str, ASGIApp] = MappingProxyType({}),
        limit: str | None = None,
    ) -> None:
        self.app, self.paths, self.files = app, paths, files
        self._make_http = http
        self._http: ASGIApp | None = None
        self._making = asyncio.Lock()
        self._limit = RateLimit(limit) if limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        number = uuid.uuid4().hex[:12]
        scope["dlnlp.request"] = number
        send = with_headers(send, {**HEADERS, "x-request-id": number})
        path = str(scope["path"])
        begin = time.perf_counter()
        if self._limit and path.startswith(LIMITED) and (wait := self._limit.wait(scope)):
            fault = f"Too many requests came from this address: try again in {wait} s."
            await refuse(send, 429, fault, number, {"retry-after": str(wait)})
        elif path.startswith(self.paths):
            http = self._http or await self._first()
            await http(scope, receive, send)
        else:
            files = (each for start, each in self.files.items() if path.startswith(start))
            await next(files, self.app)(scope, receive, send)
        _log.info("%s %s %s %.3f s", number, scope["method"], path, time.perf_counter() - begin)

    async def _first(self) -> ASGIApp:
        """The HTTP interface, made once even if several requests come at the same time."""
        async with self._making:
            if self._http is None:
                self._http = await run_sync(self._make_http)
        return self._http


class RateLimit:
    """The most requests of one address, such as "60/minute"."""

    def __init__(self, limit: str) -> None:
        import limits  # takes a while, and few need it

        self._limit = limits.parse(limit)
        self._limiter = limits.strategies.FixedWindowRateLimiter(limits.storage.MemoryStorage())

    def wait(self, scope: Scope) -> int:
        """Seconds until the client may send another request; 0 if it may now, which counts."""
        address, _ = scope.get("client") or ("unknown", 0)
        if self._limiter.hit(self._limit, address):
            return 0
        reset = self._limiter.get_window_stats(self._limit, address).reset_time
        return max(1, int(reset - time.time()) + 1)


def with_headers(send: Send, headers: Mapping[str, str]) -> Send:
    """``send`` with headers added to the response, unless it has them."""

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message.get("headers", [])}
            added = [(name.encode(), value.encode()) for name, value in headers.items()]
            more = [pair for pair in added if pair[0] not in present]
            message = {**message, "headers": [*message.get("headers", []), *more]}
        await send(message)

    return sending


async def refuse(
    send: Send, code: int, fault: str, number: str, headers: Mapping[str, str]
) -> None:
    """Answer with an error."""
    body = json.dumps({"error": fault, "request": number}).encode()
    pairs = {
        "content-type": "application/json",
        "content-length": str(len(body)),
        **headers,
    }
    encoded = [(name.encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": code, "headers": encoded})
    await send({"type": "http.response.body", "body": body})
