"""The models as tools of language models, by the Model Context Protocol (MCP), at ``/mcp``.

Each verb of each model is a tool, except for those whose results only programs can use.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from anyio.to_thread import run_sync
from mcp.server import Server, ServerRequestContext
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import (
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from dlnlp.capabilities import CAPABILITIES, Capability
from dlnlp.catalog import CATALOG, Record
from dlnlp.results import as_json
from dlnlp.service.calls import Service
from dlnlp.service.errors import sentence
from dlnlp.service.http import watched
from dlnlp.service.schemas import request_schema

FOR_PROGRAMS = (
    "attention",
    "distribution",
    "gates",
    "head_effects",
    "head_steps",
    "induction",
    "layer_words",
    "logits",
    "patch",
    "stream",
)
INSTRUCTIONS = (
    "Four small English NLP models of a tutorial: sentiment analysis with an LSTM and with BERT, "
    "character-level translation into French, and next-token prediction. The tools show their "
    "answers and how they arrive at them. Use them to demonstrate or compare the models, not as "
    "state of the art."
)
_Context = ServerRequestContext[Any, Request]


class Tools:
    """The ASGI app of the MCP server. Requests are independent of each other.

    Args:
        service: Answers the calls, with the limits of any other request.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._verbs = {
            f"{entry.stem}_{each.verb}": (entry, each)
            for entry in CATALOG
            for each in CAPABILITIES
            if entry.can(each.verb) and each.verb not in FOR_PROGRAMS
        }
        self._server = Server(
            "dlnlp", instructions=INSTRUCTIONS, on_list_tools=self._list, on_call_tool=self._call
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle a request. A manager lives as long as its event loop's task, so each has one."""
        manager = StreamableHTTPSessionManager(self._server, json_response=True, stateless=True)
        async with manager.run():
            await manager.handle_request(scope, receive, send)

    async def _list(
        self, context: _Context, params: PaginatedRequestParams | None
    ) -> ListToolsResult:
        tools = [tool(name, entry, verb) for name, (entry, verb) in self._verbs.items()]
        return ListToolsResult(tools=tools)

    async def _call(self, context: _Context, params: CallToolRequestParams) -> CallToolResult:
        try:
            if params.name not in self._verbs:
                raise ValueError(f"There is no tool {params.name!r}.")
            entry, verb = self._verbs[params.name]
            assert context.request  # the transport is HTTP
            found = await self._answer(context.request, entry.stem, verb, params.arguments or {})
        except Exception as error:
            return CallToolResult(content=[TextContent(text=sentence(error))], is_error=True)
        text = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        return CallToolResult(
            content=[TextContent(text=text)], structured_content={"result": found}
        )

    async def _answer(
        self, request: Request, stem: str, verb: Capability, arguments: dict[str, Any]
    ) -> Any:
        if verb.streams:
            left = threading.Event()
            work = run_sync(
                lambda: "".join(self._service.stream(stem, verb.verb, left, **arguments))
            )
            return await watched(request, left, work)
        found = await self._service.answer(stem, verb.verb, request.is_disconnected, **arguments)
        return await run_sync(lambda: without_matrices(as_json(found)))


def tool(name: str, entry: Record, verb: Capability) -> Tool:
    """The description of a tool."""
    summary = " ".join(verb.description.partition("Args:")[0].split())
    if verb.streams:  # the summary describes the messages of a stream
        summary = "Continue a prompt."
    hints = ToolAnnotations(read_only_hint=True, open_world_hint=False)
    return Tool(
        name=name,
        title=f"{entry.title}: {verb.verb}",
        description=f"{summary} Model: {entry.title}.",
        input_schema=request_schema(verb),
        annotations=hints,
    )


def without_matrices(value: Any) -> Any:
    """JSON without the attention weights and hidden states, which would fill a context."""
    if isinstance(value, dict):
        return {name: without_matrices(each) for name, each in value.items() if not is_matrix(each)}
    return [without_matrices(each) for each in value] if isinstance(value, list) else value


def is_matrix(value: Any) -> bool:
    """Whether it is a list of lists of numbers."""
    row = value[0] if isinstance(value, list) and value else None
    return isinstance(row, list) and bool(row) and isinstance(row[0], (int, float, list))
