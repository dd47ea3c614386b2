"""A load generator that speaks raw HTTP over kept connections, which takes little time itself."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Load:
    """What clients saw in a number of seconds."""

    seconds: float
    latencies: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def percentile(self, percent: float) -> float:
        """A percentile of the latency in seconds."""
        return float(np.percentile(self.latencies, percent)) if self.latencies else float("nan")

    def __str__(self) -> str:
        return (
            f"{self.rate:.0f}/s, p50 {self.percentile(50):.3f} s, p95 {self.percentile(95):.3f} s"
            f", {len(self.errors)} errors"
        )


class Client:
    """One connection that is kept open."""

    def __init__(self, port: int) -> None:
        self.port, self.session = port, uuid.uuid4().hex
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, method: str, path: str, value: Any = None) -> bytes:
        """The body of the answer.

        Raises:
            RuntimeError: The status is not 200.
        """
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self.port)
        reader, writer = self._streams
        body = b"" if value is None else json.dumps(value).encode()
        head = (
            f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        header = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        if "transfer-encoding: chunked" in header:
            found = await _chunks(reader)
        else:
            length = header.split("content-length: ")[1].split("\r\n")[0]
            found = await reader.readexactly(int(length))
        if " 200 " not in header.split("\r\n")[0]:
            raise RuntimeError(f"{header.splitlines()[0]}: {found[:200]!r}")
        return found

    def close(self) -> None:
        """Close the connection."""
        if self._streams:
            self._streams[1].close()


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    found = b""
    while size := int(await reader.readline(), 16):
        found += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readexactly(2)
    return found


WARM_UP = 1.0
Ask = Callable[[Client, int], Awaitable[object]]


def plain(path: str, arguments: Callable[[int], dict[str, Any]]) -> Ask:
    """Requests to the plain HTTP interface; ``arguments`` gets the number of the request."""
    return lambda client, number: client.ask("POST", path, arguments(number))


def queued(name: str, data: Callable[[int], Sequence[Any]]) -> Ask:
    """Requests to an endpoint of Gradio, which takes two: one to ask, one for the answer.

    Each client keeps its session, as ``gradio_client`` does.
    """

    async def ask(client: Client, number: int) -> None:
        path = f"/gradio_api/call/{name}"
        body = {"data": data(number), "session_hash": client.session}
        event = json.loads(await client.ask("POST", path, body))["event_id"]
        found = await client.ask("GET", f"{path}/{event}")
        if b"event: complete" not in found:
            raise RuntimeError(found[:200].decode())

    return ask


async def _client(port: int, asks: Sequence[Ask], begin: float, load: Load, first: int) -> None:
    client, number = Client(port), first
    while (asked := time.perf_counter()) < begin + load.seconds:
        try:
            await asks[number % len(asks)](client, number)
            if asked >= begin:
                load.latencies.append(time.perf_counter() - asked)
        except (RuntimeError, OSError, asyncio.IncompleteReadError) as error:
            load.errors.append(str(error))
            client.close()
            client = Client(port)
        number += 1
    client.close()


def run(port: int, asks: Sequence[Ask], clients: int, seconds: float) -> Load:
    """Let clients ask one request after the other; each takes the kinds of requests in turn."""
    return asyncio.run(measure(port, asks, clients, seconds))


async def measure(port: int, asks: Sequence[Ask], clients: int, seconds: float) -> Load:
    """Like ``run``, as a coroutine. The first ``WARM_UP`` seconds are not counted."""
    load, begin = Load(seconds), time.perf_counter() + WARM_UP
    await asyncio.gather(
        *(_client(port, asks, begin, load, 1_000 * place + place) for place in range(clients))
    )
    return load
