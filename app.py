"""The web app: ``python app.py`` serves the models of the catalog, one tab each."""

from __future__ import annotations

import argparse
import functools
import gc
import os
import signal
import sys
import threading
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
# Gradio regularly summarises all past events, which takes longer than running a small model.
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", "1000000")

gc.disable()  # importing Gradio takes a fifth less time without

import gradio as gr
from fastapi import FastAPI
from starlette.middleware import Middleware

from dlnlp import catalog, plots
from dlnlp.compare.files import MAX_BYTES
from dlnlp.registry import Registry, shared_registry
from dlnlp.service import Service
from dlnlp.service.http import PATHS, http_app
from dlnlp.service.middleware import Front
from dlnlp.service.settings import Settings, preload, settings
from dlnlp.ui import endpoints, theme
from dlnlp.ui.kit import markup
from dlnlp.ui.kit.model import visitor, visitor_left
from dlnlp.ui.tabs import compare, own, start, training

gc.freeze()  # what was imported stays, so collections need not look at it
gc.enable()

if TYPE_CHECKING:
    from dlnlp.service.metrics import Metrics

SECONDS_TO_STOP = 4.0
HOUR = 3600  # seconds after which uploaded files and downloads are deleted
DESCRIPTION = (
    "Sentiment analysis with an LSTM and BERT, character-level translation with attention, and "
    "next-token prediction with a Transformer: try the models and look inside."
)


def build_app(service: Service) -> gr.Blocks:
    """The page; models are loaded on their first request, which ends if the visitor leaves."""
    service = service.watching(visitor_left)
    with gr.Blocks(title="dlnlp", delete_cache=(HOUR, HOUR)) as demo:
        gr.HTML(markup.header(service.registry.untrained))
        with gr.Tabs(overflow_behavior="wrap"):  # all tabs are visible on a phone, too
            with gr.Tab(start.TITLE, id=start.STEM, elem_id=f"{start.STEM}_tab"):
                start.build_tab(service)
            for entry in catalog.CATALOG:
                with gr.Tab(entry.title, id=entry.stem, elem_id=f"{entry.stem}_tab"):
                    entry.tab.build_tab(service)
            with gr.Tab(training.TITLE, id=training.STEM, elem_id=f"{training.STEM}_tab") as tab:
                training.build_when_opened(service, tab)
            if own.is_offered(service):
                with gr.Tab(own.TITLE, id=own.STEM, elem_id=f"{own.STEM}_tab") as tab:
                    own.build_when_opened(service, tab)
            with gr.Tab(compare.TITLE, id=compare.STEM, elem_id="comparisons_tab"):
                compare.build_tab(service)
        endpoints.expose(service)
        demo.unload(lambda: service.trainings.depart(visitor()))
        share_configurations(demo)
    # ``demo.queue(...)`` does the same, but builds the server once more, which takes a while.
    demo.api_open, demo._queue.max_size = False, 64
    return demo


def share_configurations(demo: gr.Blocks) -> None:
    """Compute the configuration of each component of the complete page once.

    Gradio computes all of them several times at the start and again for every new visitor, which
    stops the server for a tenth of a second.
    """
    compute: Any = demo.default_config.config_for_block
    known: dict[int, dict[str, Any]] = {}

    def config_for_block(
        _id: int, rendered_ids: list[int], block: Any, renderable: Any = None
    ) -> dict[str, Any]:
        if renderable or demo.blocks.get(_id) is not block:  # one that a visitor's event changed
            return compute(_id, rendered_ids, block, renderable)
        if _id not in known:
            known[_id] = compute(_id, rendered_ids, block)
        return {**known[_id], "props": dict(known[_id]["props"])}  # sessions change the props

    # Sessions have copies of this object, which keep the attribute.
    demo.default_config.config_for_block = config_for_block  # type: ignore[method-assign]


def page_options(service: Service, chosen: Settings) -> dict[str, Any]:
    """What ``Blocks.launch`` and ``gr.mount_gradio_app`` need to know."""
    http = functools.partial(http_app, service, chosen.mcp)
    files = {theme.LOCALES_PATH: theme.locales()}
    front = Middleware(Front, http=http, paths=PATHS, files=files, limit=chosen.rate_limit)
    return {
        "app_kwargs": {"middleware": [front]},
        "theme": theme.page_theme(),
        "css": theme.style(),
        "head": theme.head(),
        # What Gradio announces to screen readers; its own texts lack it.
        "i18n": gr.I18n(en={"common.complete": "Complete"}),
        "footer_links": ["api", "settings"],
        "run_history": False,
        "ssr_mode": False,
        "max_file_size": MAX_BYTES,
        "favicon_path": theme.FAVICON,
    }


def launch(
    demo: gr.Blocks, service: Service, chosen: Settings | None = None, **options: Any
) -> str:
    """Serve the page and the HTTP interface in background threads; returns the page's address.

    Args:
        options: Arguments of ``Blocks.launch``.
    """
    demo.launch(prevent_thread_lock=True, **page_options(service, chosen or Settings()), **options)
    warm_up(demo)
    return str(demo.local_url)


def asgi_app(service: Service, chosen: Settings) -> FastAPI:
    """The page and the HTTP interface, for another server than Gradio's own."""
    demo = build_app(service)
    page = gr.mount_gradio_app(FastAPI(), demo, path="/", **page_options(service, chosen))
    warm_up(demo)
    return page


def warm_up(demo: gr.Blocks) -> None:
    """Complete the page's configuration, and prepare for the first plot in the background."""
    # Gradio's page template shows this as og:description, but Blocks has no argument for it.
    cast(dict[str, Any], demo.config)["simple_description"] = DESCRIPTION
    threading.Thread(target=plots.warm_up, daemon=True).start()


def is_local(host: str) -> bool:
    """Whether only this machine can reach a server that listens on this address.

    A tunnel (``GRADIO_SHARE``) makes it public, and so does a proxy, which the settings that it
    needs reveal.
    """
    shared = os.environ.get("GRADIO_SHARE", "").lower() in ("1", "true")
    proxied = any(os.environ.get(name) for name in ("FORWARDED_ALLOW_IPS", "GRADIO_ROOT_PATH"))
    return not shared and not proxied and (host in ("localhost", "::1") or host.startswith("127."))


def has_screen() -> bool:
    """Whether the app was started from a terminal on a machine with a screen."""
    shown = sys.platform in ("darwin", "win32") or any(
        os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY")
    )
    return shown and sys.stdout.isatty()


def main(argv: Sequence[str] | None = None) -> None:
    """Serve until Ctrl-C or SIGTERM."""
    parser = argparse.ArgumentParser(description="Serve the models of dlnlp as a web page.")
    parser.add_argument("--host", help="address to listen on (GRADIO_SERVER_NAME)")
    parser.add_argument("--port", type=int, help="port to listen on (GRADIO_SERVER_PORT)")
    parser.add_argument(
        "--untrained", action="store_true", help="serve tiny models with random weights"
    )
    options = parser.parse_args(argv)
    host = options.host or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
    try:
        chosen = settings()
        registry = Registry(untrained=True) if options.untrained else shared_registry()
        registry.check_device()
        service = Service(registry, new_metrics() if chosen.metrics else None, local=is_local(host))
        demo = build_app(service)
    except ValueError as error:
        sys.exit(str(error))
    for stop in (signal.SIGINT, signal.SIGTERM):  # SIGINT is ignored in a script's background job
        signal.signal(stop, signal.default_int_handler)
    try:
        url = launch(
            demo,
            service,
            chosen,
            server_name=options.host,
            server_port=options.port,
            inbrowser=has_screen(),
            quiet=True,
        )
        gc.freeze()  # the page stays, too
        preload(service, chosen.preload)
        print(f"dlnlp is served at {url} (press Ctrl-C to stop)", flush=True)
        while True:
            time.sleep(3600)
    except OSError as error:
        sys.exit(f"The app can't be served: {error}")
    except KeyboardInterrupt:
        stop_within(SECONDS_TO_STOP)
    finally:
        service.close()
        demo.close(verbose=False)


def new_metrics() -> Metrics:
    """Metrics; imported only where they are switched on, because that takes time."""
    from dlnlp.service.metrics import Metrics

    return Metrics()


def stop_within(seconds: float) -> None:
    """End the process after that time even if a thread still runs."""
    timer = threading.Timer(seconds, os._exit, [0])
    timer.daemon = True
    timer.start()


if __name__ == "__main__":
    main()
