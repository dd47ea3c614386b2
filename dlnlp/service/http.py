"""The plain HTTP interface: ``POST /v1/<stem>/<verb>``, its OpenAPI description, health, metrics.

A request's body is a JSON object with the verb's arguments; the answer is the result as JSON.
Streaming verbs answer with server-sent events, one per piece. An error is
``{"error": sentence, "request": id}`` with a status of 4xx or 5xx; the id is in the log, too.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import orjson
from anyio import CancelScope, CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from fastapi_offline import FastAPIOffline
from starlette.routing import Route

from dlnlp.capabilities import CAPABILITIES, Capability
from dlnlp.catalog import CATALOG, Record
from dlnlp.results import as_json
from dlnlp.service.calls import POLL, Service
from dlnlp.service.errors import TooLarge, sentence, status
from dlnlp.service.own import OwnModels
from dlnlp.service.schemas import request_schema, result_schema
from dlnlp.text.checks import check_text

DOCS = ("/docs", "/openapi.json", "/static-offline-docs/")
PATHS = ("/v1/", *DOCS, "/healthz", "/readyz", "/metrics", "/mcp")
MOST_BYTES = 4_000_000  # of the body of a request
SMALL = 8  # results
MOST_OWN = 16  # threads of requests to other models, which may wait minutes for a download
DESCRIPTION = "The models of dlnlp over plain HTTP. Each path is a model and one of its verbs."
ERRORS = {
    404: "There is no such model or verb.",
    413: "The body is too large.",
    422: "An argument is missing, unknown or out of range, or the request exceeds its budget.",
    429: "Too many requests came from this address.",
    500: "An unexpected error; its details are in the server's log.",
    503: "Too many requests are waiting, or the model's checkpoint can't be loaded.",
    504: "The computation took too long.",
}
ERROR_SCHEMA = {
    "type": "object",
    "properties": {"error": {"type": "string"}, "request": {"type": "string"}},
    "required": ["error"],
}
_END = object()


def http_app(service: Service, mcp: bool = False) -> FastAPI:
    """The ASGI app with all paths of ``PATHS``.

    ``/metrics`` is served only if the service has metrics, ``/mcp`` only if ``mcp`` is set.
    """
    app = FastAPIOffline(title="dlnlp", description=DESCRIPTION, redoc_url=None)
    for entry in CATALOG:
        for capability in CAPABILITIES:
            if entry.can(capability.verb):
                add_verb(app, service, entry, capability)

    if OwnModels(service).choices:
        add_own(app, service)

    @app.get("/healthz", tags=["health"])
    async def healthz() -> dict[str, str]:
        """Whether the server runs."""
        return {"status": "ok"}

    @app.get("/readyz", tags=["health"], responses={503: {"description": "Not all can answer."}})
    async def readyz() -> Response:
        """Whether every model can answer: "loaded", "loads on first use", or what is wrong."""
        states, code = {}, 200
        for entry in CATALOG:
            try:
                states[entry.stem] = await run_sync(service.registry.state, entry.stem)
            except Exception as error:
                states[entry.stem], code = sentence(error), 503
        return answer_json(states, code)

    metrics = service.metrics
    if metrics:

        @app.get("/metrics", tags=["health"], include_in_schema=False)
        async def prometheus() -> Response:
            loaded = {each.stem: service.registry.is_loaded(each.stem) for each in CATALOG}
            text = metrics.exposition(service.waiting(), loaded)
            return Response(text, media_type=metrics.content_type)

    if mcp:
        from dlnlp.service.mcp import Tools  # its packages are optional

        app.router.routes.append(Route("/mcp", Tools(service), include_in_schema=False))

    @app.exception_handler(404)
    @app.exception_handler(405)
    async def unknown(request: Request, error: Exception) -> Response:
        code = getattr(error, "status_code", 404)
        fault = "There is no such path" if code == 404 else "This path has no such method"
        headers = getattr(error, "headers", None) or {}
        body = {"error": f"{fault}; /docs lists all paths.", "request": request_id(request)}
        return answer_json(body, code, headers)

    return app


def add_verb(app: FastAPI, service: Service, entry: Record, capability: Capability) -> None:
    """Add ``POST /v1/<stem>/<verb>`` with its description."""
    stem, verb = entry.stem, capability.verb

    async def answer(request: Request) -> Response:
        try:
            arguments = arguments_of(await body_of(request))
            if capability.streams:
                return await streamed(request, service, stem, verb, arguments)
            found = await service.answer(stem, verb, request.is_disconnected, **arguments)
            # A thread keeps large results from stopping the server, but slows down small ones.
            small = capability.takes_list and len(found) < SMALL
            body = to_bytes(found) if small else await run_sync(to_bytes, found)
            return Response(body, media_type="application/json")
        except Exception as error:
            return answer_error(request, error)

    kind = "text/event-stream" if capability.streams else "application/json"
    content = {kind: {"schema": result_schema(capability)}}
    failed = {"application/json": {"schema": ERROR_SCHEMA}}
    summary, _, _ = capability.description.partition("\n")
    app.add_api_route(
        f"/v1/{stem}/{verb}",
        answer,
        methods=["POST"],
        tags=[entry.title],
        summary=summary,
        operation_id=f"{stem}_{verb}",
        response_class=Response,
        responses={
            200: {"description": "The result.", "content": content},
            **{code: {"description": text, "content": failed} for code, text in ERRORS.items()},
        },
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": request_schema(capability)}},
            }
        },
    )


def add_own(app: FastAPI, service: Service) -> None:
    """Add ``POST /v1/own/<verb>`` for other models, which are named in the body."""
    own, limiter = OwnModels(service), CapacityLimiter(MOST_OWN)
    body = {
        "type": "object",
        "properties": {"model": {"type": "string", "description": OWN}},
        "required": ["model"],
        "additionalProperties": True,
        "example": {"model": own.choices[0], "texts": ["I enjoyed this film"]},
    }

    @app.post(
        "/v1/own/{verb}",
        tags=["Your own model"],
        summary="A verb of any model that is a text classifier or a causal language model.",
        response_class=Response,
        responses={
            200: {"description": "The result; generated text is a list of its pieces."},
            **{code: {"description": text} for code, text in ERRORS.items() if code != 404},
        },
        openapi_extra={
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}}
        },
    )
    async def answer(request: Request, verb: str) -> Response:
        left = threading.Event()
        asked = OwnModels(service.watching(left.is_set), cancelled=left)
        try:
            arguments = arguments_of(await body_of(request))
            name = check_text(arguments.pop("model", None), "model")
            work = run_sync(lambda: asked.call(name, verb, **arguments), limiter=limiter)
            found = await watched(request, left, work)
            return Response(await run_sync(to_bytes, found), media_type="application/json")
        except Exception as error:
            return answer_error(request, error)


async def body_of(request: Request) -> bytes:
    """The body of a request.

    Raises:
        TooLarge: It has more than ``MOST_BYTES``.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > MOST_BYTES:
            raise TooLarge(f"The body of a request may have at most {MOST_BYTES:,} bytes.")
    return bytes(body)


def arguments_of(body: bytes) -> dict[str, Any]:
    """The arguments in a request's body.

    Raises:
        ValueError: It is not a JSON object.
    """
    try:
        arguments = json.loads(body)  # unlike orjson, it accepts lone surrogates
    except (ValueError, RecursionError):
        raise ValueError("The body is not JSON; send the arguments as a JSON object.") from None
    if not isinstance(arguments, dict):
        raise ValueError("The body must be a JSON object with the arguments.")
    return arguments


async def streamed(
    request: Request, service: Service, stem: str, verb: str, arguments: dict[str, Any]
) -> Response:
    """The pieces of a streaming verb as server-sent events, the last one named "done"."""
    cancelled = threading.Event()

    def start() -> Iterator[Any]:
        return service.stream(stem, verb, cancelled, **arguments)

    pieces = await run_sync(start)
    # An error before the first piece has a status of its own.
    first = await watched(request, cancelled, run_sync(next, pieces, _END))

    async def events() -> AsyncIterator[bytes]:
        piece = first
        try:
            while piece is not _END:
                yield event(piece if isinstance(piece, str) else as_json(piece))
                piece = await run_sync(next, pieces, _END, abandon_on_cancel=True)
            yield event("", "done")
        except Exception as error:
            number = request_id(request)
            yield event({"error": sentence(error, number), "request": number}, "error")
        finally:  # also when the client has left: a running step ends at its next check
            cancelled.set()
            with CancelScope(shield=True):
                await run_sync(close, pieces)

    return StreamingResponse(events(), media_type="text/event-stream", headers=NOT_CACHED)


async def watched(request: Request, left: threading.Event, work: Coroutine[Any, Any, Any]) -> Any:
    """The result of work in a thread, to which ``left`` says that the caller has left."""
    working = asyncio.ensure_future(work)
    while not (await asyncio.wait({working}, timeout=POLL))[0]:
        if await request.is_disconnected():
            left.set()
    return working.result()


def close(pieces: Any) -> None:
    """Close a generator, once the step of it that runs in another thread has ended."""
    while True:
        try:
            pieces.close()
            return
        except ValueError:  # "generator already executing"
            time.sleep(0.01)


OWN = "“hf:owner/name” of a model on the Hugging Face Hub, or the path of a folder on the server."
NOT_CACHED = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def event(value: Any, name: str = "") -> bytes:
    """A server-sent event whose data is JSON; a text is sent as ``{"text": …}``."""
    data = orjson.dumps({"text": value} if isinstance(value, str) else value)
    return (f"event: {name}\n".encode() if name else b"") + b"data: " + data + b"\n\n"


def request_id(request: Request) -> str:
    """The id that the log and the answer have in common."""
    return str(request.scope.get("dlnlp.request", ""))


def answer_error(request: Request, error: Exception) -> Response:
    """One sentence, the status that fits, and when to try again."""
    headers = {"Retry-After": str(error.seconds)} if hasattr(error, "seconds") else {}
    number = request_id(request)
    body = {"error": sentence(error, number), "request": number}
    return answer_json(body, status(error), headers)


def to_bytes(found: Any) -> bytes:
    """Results as JSON; numbers that are not finite become null."""
    return orjson.dumps(as_json(found), option=orjson.OPT_SERIALIZE_NUMPY)


def answer_json(value: Any, code: int = 200, headers: dict[str, str] | None = None) -> Response:
    """A response with a JSON body."""
    return Response(orjson.dumps(value), code, headers, media_type="application/json")
