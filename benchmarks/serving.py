"""Time the server under load, beside what Gradio's documentation suggests for a classifier.

``python -m benchmarks.serving [--seconds 10]``. Contenders are measured one after the other in the
same run, several times in turns; only ratios can be compared between machines.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.load import WARM_UP, Ask, Client, Load, measure, plain, queued, run

HERE = Path(__file__).resolve().parent.parent
START = 180  # seconds until a server must answer
CLIENTS = 32
LSTM, BERT, NEXT = "sentiment_lstm", "sentiment_bert", "token_transformer"
TEXT = "the film was long and slow but its ending made me laugh and cry again"


def sentence(number: int) -> str:
    """A sentence of 6 to 15 words, different for each number."""
    return " ".join(TEXT.split()[: 6 + number % 9]) + f" {number}"


def classify(stem: str) -> Ask:
    """Requests that classify one sentence."""
    return plain(f"/v1/{stem}/classify", lambda number: {"texts": [sentence(number)]})


MIXED = [
    classify(LSTM),
    classify(BERT),
    plain("/v1/token_transformer/next_tokens", lambda number: {"prompt": sentence(number)}),
    classify(LSTM),
    plain("/v1/sentiment_lstm/explain", lambda number: {"text": sentence(number)}),
    classify(BERT),
    plain("/v1/char_seq2seq/translate", lambda number: {"texts": [f"I have read {number} books."]}),
    classify(LSTM),
]


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def served(*command: str, **variables: str) -> Iterator[tuple[int, float, int]]:
    """A server in a process of its own: its port, seconds until its page was served, and its id."""
    port = free_port()
    environment = {**os.environ, "GRADIO_ANALYTICS_ENABLED": "False", **variables}
    place = [part.replace("PORT", str(port)) for part in command]
    begin = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *place], cwd=HERE, env=environment, stdout=subprocess.DEVNULL
    )
    try:
        yield port, answered(port, "/", process) - begin, process.pid
    finally:
        process.terminate()
        process.wait(30)


def answered(port: int, path: str, process: subprocess.Popen[bytes] | None = None) -> float:
    """The time when the path was first served.

    Raises:
        SystemExit: The server has ended or takes too long.
    """
    end = time.perf_counter() + START
    while time.perf_counter() < end and (process is None or process.poll() is None):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=30).read()
            return time.perf_counter()
        time.sleep(0.02)
    raise SystemExit("A server did not start.")


def app(**variables: str) -> contextlib.AbstractContextManager[tuple[int, float, int]]:
    """Our app with all models."""
    return served("app.py", "--port", "PORT", DLNLP_PRELOAD="all", **variables)


def baseline(name: str) -> contextlib.AbstractContextManager[tuple[int, float, int]]:
    """A server of ``benchmarks.baseline_server``."""
    return served("-m", "benchmarks.baseline_server", name, "PORT")


def main(argv: list[str] | None = None) -> None:
    """Measure and print a Markdown table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.serving", description=__doc__)
    parser.add_argument("--seconds", type=float, default=10, help="of each measurement under load")
    parser.add_argument("--rounds", type=int, default=3, help="turns of each contender")
    args = parser.parse_args(argv)
    print("| what | baseline | ours | ratio |\n|---|---|---|---|", flush=True)
    start_up(args.rounds)
    throughput(args.rounds, args.seconds)
    crowd(args.seconds)


def line(what: str, baseline: object, ours: object, ratio: float | None) -> None:
    """Print a row of the table."""
    shown = "" if ratio is None else f"{ratio:.2f}"
    print(f"| {what} | {baseline} | {ours} | {shown} |", flush=True)


def start_up(rounds: int) -> None:
    """Seconds from the start of the process until the page is served, beside a bare page."""
    taken: dict[str, list[float]] = {"hello": [], "app": []}
    for _ in range(rounds):
        with baseline("hello") as (_, seconds, _):
            taken["hello"].append(seconds)
        with served("app.py", "--port", "PORT") as (_, seconds, _):
            taken["app"].append(seconds)
    hello, ours = (statistics.median(each) for each in taken.values())
    line("start, s", f"{hello:.2f}", f"{ours:.2f}", ours / hello)


def throughput(rounds: int, seconds: float) -> None:
    """Requests per second of single sentences by 32 clients."""
    with (
        app() as (port, _, pid),
        baseline("bert") as (bert, _, _),
        baseline("lstm") as (lstm, _, _),
    ):
        wait_for_models(port)
        loads: dict[str, tuple[int, Ask]] = {
            "bert base": (bert, queued("predict", lambda number: [sentence(number)])),
            "bert plain": (port, classify(BERT)),
            "bert api": (port, queued(f"{BERT}_classify", lambda number: [[sentence(number)]])),
            "lstm base": (lstm, queued("predict", lambda number: [sentence(number)])),
            "lstm plain": (port, classify(LSTM)),
        }
        found: dict[str, list[Load]] = {name: [] for name in loads}
        for _ in range(rounds):
            for name, (where, ask) in loads.items():
                found[name].append(run(where, [ask], CLIENTS, seconds))
        best = {name: max(each, key=lambda load: load.rate) for name, each in found.items()}
        for title, ours, base in (
            ("BERT, plain HTTP", "bert plain", "bert base"),
            ("BERT, Gradio's API", "bert api", "bert base"),
            ("LSTM, plain HTTP", "lstm plain", "lstm base"),
        ):
            line(
                f"{CLIENTS} clients, {title}",
                best[base],
                best[ours],
                best[ours].rate / best[base].rate,
            )
        overhead(port, pid)


def overhead(port: int, pid: int) -> None:
    """CPU milliseconds of the server per call of one client, beside those of the model alone."""
    from dlnlp.registry import Registry

    calls = 300
    predictor = Registry().get(LSTM)
    for number in range(20):
        predictor.classify([sentence(number)])
    begin = time.process_time()
    for number in range(calls):
        predictor.classify([sentence(number)])
    model = (time.process_time() - begin) / calls * 1000
    before = cpu_seconds(pid)
    load = run(port, [classify(LSTM)], 1, 5)
    asked = len(load.latencies) * (1 + WARM_UP / load.seconds)  # the warm-up takes time, too
    served = (cpu_seconds(pid) - before) / asked * 1000
    line("server CPU of a call, LSTM, ms", f"{model:.2f}", f"{served:.2f}", None)


def cpu_seconds(pid: int) -> float:
    """The CPU time of a process so far (Linux)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def crowd(seconds: float) -> None:
    """Short requests beside long ones, and a mixture of requests, in the same server."""
    with app() as (port, _, _):
        wait_for_models(port)
        beside, alone = asyncio.run(beside_continuations(port, seconds))
        line("p95 of next tokens beside 4 continuations, s", _p95(alone), _p95(beside), None)
        line(f"{CLIENTS} clients, mixed", "", run(port, MIXED, CLIENTS, 6 * seconds), None)


async def beside_continuations(port: int, seconds: float) -> tuple[Load, Load]:
    """Next tokens of one client while 4 others generate 1,000 tokens, and alone."""
    path = f"/v1/{NEXT}"
    short = plain(f"{path}/next_tokens", lambda number: {"prompt": sentence(number)})
    long = plain(
        f"{path}/generate", lambda number: {"prompt": sentence(number), "max_new_tokens": 1000}
    )
    alone = await measure(port, [short], 1, seconds)
    generating = asyncio.ensure_future(measure(port, [long], 4, seconds))
    await asyncio.sleep(0.5)
    beside = await measure(port, [short], 1, seconds)
    generating.cancel()
    return beside, alone


def _p95(load: Load) -> str:
    return f"{load.percentile(95):.3f}"


def wait_for_models(port: int) -> None:
    """Ask every kind of request once, which loads the models."""

    async def ask_all() -> None:
        client = Client(port)
        for ask in MIXED:
            await ask(client, 0)
        client.close()

    asyncio.run(ask_all())


if __name__ == "__main__":
    main()
