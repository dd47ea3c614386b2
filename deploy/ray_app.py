"""The app on Ray Serve: each model has replicas of its own, on one machine or several.

``python -m deploy.ray_app`` starts it on this machine, or in the cluster of ``RAY_ADDRESS``. The
deployment ``page`` serves the Gradio page and the HTTP interface; each model is a deployment with
the name of its stem.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any

import ray
from fastapi import FastAPI
from pydantic import BaseModel
from ray import serve
from ray.serve.handle import DeploymentHandle

import app
from deploy.replicas import RemoteRegistry, Replica
from dlnlp.catalog import CATALOG
from dlnlp.service import Service
from dlnlp.service.settings import settings

NAME = "dlnlp"
MOST_REQUESTS = 1000  # that the page may handle at a time; the models' queues refuse the rest
LOGGING = {"log_level": "WARNING", "enable_access_log": False}


class Options(BaseModel, extra="forbid"):
    """The arguments of the application.

    Args:
        most_replicas: Up to how many replicas each model gets under load.
        least_replicas: The smallest number of replicas of some models; of all others it is 1.
        cpus: The CPU share of a replica.
        untrained: Serve tiny models with random weights.
    """

    most_replicas: int = 2
    least_replicas: dict[str, int] = {}
    cpus: float = 0.25
    untrained: bool = False


class Page:
    """The Gradio page and the HTTP interface.

    It is not replicated, because Gradio keeps a visitor's session in its process.
    """

    def __init__(self, options: Options, replicas: dict[str, DeploymentHandle[Any]]) -> None:
        self.options, self.replicas = options, replicas

    def __serve_build_asgi_app__(self) -> FastAPI:
        """The ASGI app, which Ray Serve asks for in the page's process."""
        chosen = settings()
        registry = RemoteRegistry(self.replicas, self.options.untrained)
        metrics = app.new_metrics() if chosen.metrics else None
        service = Service(registry, metrics, self.options.most_replicas)
        return app.asgi_app(service, chosen)


def build(arguments: dict[str, Any]) -> serve.Application:
    """The application, as a Serve config's ``import_path``.

    Args:
        arguments: Those of ``Options``.
    """
    options = Options.model_validate(arguments)
    page = serve.deployment(
        name="page",
        num_replicas=1,
        max_ongoing_requests=MOST_REQUESTS,
        ray_actor_options={"num_cpus": options.cpus},
        logging_config=LOGGING,
    )(serve.ingress()(Page))
    return page.bind(options, {entry.stem: model(entry.stem, options) for entry in CATALOG})


def model(stem: str, options: Options) -> serve.Application:
    """A model's deployment, which grows with the number of requests that run or wait for it."""
    least = options.least_replicas.get(stem, 1)
    deployment = serve.deployment(
        name=stem,
        max_ongoing_requests=16,
        autoscaling_config={
            "min_replicas": least,
            "max_replicas": max(least, options.most_replicas),
            "target_ongoing_requests": 1,
        },
        ray_actor_options={"num_cpus": options.cpus},
        logging_config=LOGGING,
    )(Replica)
    return deployment.bind(stem, options.untrained)


def parsed(argv: Sequence[str] | None) -> tuple[argparse.Namespace, dict[str, Any]]:
    """The command line, and the arguments of the application."""
    parser = argparse.ArgumentParser(prog="python -m deploy.ray_app", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=7860, help="port to listen on")
    parser.add_argument("--most", type=int, default=2, help="most replicas of each model")
    parser.add_argument(
        "--least", action="append", default=[], metavar="MODEL=N", help="fewest replicas of a model"
    )
    parser.add_argument("--cpus", type=float, default=0.25, help="CPU share of a replica")
    parser.add_argument(
        "--untrained", action="store_true", help="serve tiny models with random weights"
    )
    options = parser.parse_args(argv)
    least = {}
    for given in options.least:
        stem, _, count = given.partition("=")
        if stem not in [entry.stem for entry in CATALOG] or not count.isdecimal():
            parser.error(f"--least must be a model and a number, such as sentiment_lstm=2: {given}")
        least[stem] = int(count)
    return options, {
        "most_replicas": options.most,
        "least_replicas": least,
        "cpus": options.cpus,
        "untrained": options.untrained,
    }


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    options, arguments = parsed(argv)
    ended = threading.Event()
    mine = {name: value for name, value in os.environ.items() if name.startswith("DLNLP_")}
    ray.init(
        include_dashboard=False if "RAY_ADDRESS" not in os.environ else None,
        logging_level=logging.WARNING,
        runtime_env={"env_vars": mine} if mine else None,
    )
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, lambda *_: ended.set())
    try:
        serve.start(
            http_options={"host": options.host, "port": options.port}, logging_config=LOGGING
        )
        serve.run(build(arguments), name=NAME)
        url = f"http://{options.host}:{options.port}"
        print(f"dlnlp is served at {url} (press Ctrl-C to stop)", flush=True)
        ended.wait()
    finally:
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    from deploy import ray_app  # under this name, the replicas can import its classes, too

    ray_app.main()
