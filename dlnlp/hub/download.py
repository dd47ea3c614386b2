"""Download a model from the Hugging Face Hub, after a look at its size and its configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from dlnlp.hub.errors import HubError
from dlnlp.hub.policy import PRESETS
from dlnlp.inference.deadline import check_deadline

CONFIG, WEIGHTS, SHARDS = "config.json", "model.safetensors", "model.safetensors.index.json"
_SHARD = re.compile(r"model-\d+-of-\d+\.safetensors")
TOKENIZER = ("tokenizer.json", "vocab.txt", "vocab.json", "merges.txt", "bpe.codes", "vocab.bpe")
OTHERS = (
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "generation_config.json",
)

SECONDS = 20  # that the Hub may take to describe a model

Progress = Callable[[int, int], None]  # bytes done, bytes in total


@dataclass(frozen=True)
class Download:
    """A downloaded model: its folder, and the commit of its files."""

    folder: Path
    commit: str


@dataclass(frozen=True)
class Place:
    """Where models come from and go to; None is the library's default.

    Args:
        endpoint: The address of the Hub.
        cache: The folder of downloaded files.
        token: False doesn't send the server's own token, with which visitors could load models
            that only its owner may see.
    """

    endpoint: str | None = None
    cache: Path | None = None
    token: bool | None = None


def download(
    name: str,
    limit: int,
    check: Callable[[Path], object],
    progress: Progress | None = None,
    place: Place | None = None,
) -> Download:
    """The files of a model in the cache, downloaded unless they are there.

    Without a connection, the files of an earlier download are used.

    Args:
        name: "owner/name".
        limit: The most bytes to download; presets may be larger.
        check: Called with a folder that has the configuration, before anything large is downloaded.
        progress: Called with the bytes that are done and their total.

    Raises:
        HubError: The model is absent, gated, too large or in an unsafe format, or the Hub can't be
            reached; or what ``check`` raises.
        DeadlineExceeded, Cancelled: See ``check_deadline``, which is called with each part.
    """
    from huggingface_hub import HfApi

    place = place or Place()
    api = HfApi(endpoint=place.endpoint, token=place.token)
    with _explained(name):
        try:
            info = api.model_info(name, files_metadata=True, timeout=SECONDS)
        except Exception as fault:
            earlier = _earlier(name, place) if _unreachable(fault) else None
            if earlier is None:
                raise
            check(earlier.folder)
            return earlier
        sizes = {each.rfilename: each.size or 0 for each in info.siblings or []}
        wanted = {file: sizes[file] for file in _wanted(name, sizes, limit)}
        return _fetched(name, str(info.sha), wanted, check, progress, place)


def _earlier(name: str, place: Place) -> Download | None:
    """An earlier, complete download; these files come last."""
    from huggingface_hub import try_to_load_from_cache

    for weights in (WEIGHTS, SHARDS):
        found = try_to_load_from_cache(name, weights, place.cache)
        if isinstance(found, str):
            return Download(Path(found).parent, Path(found).parent.name)
    return None


def _wanted(name: str, sizes: dict[str, int], limit: int) -> list[str]:
    """The names of the files to download, the configuration first."""
    if CONFIG not in sizes:
        raise HubError(f"{name!r} has no {CONFIG}: choose a model of the transformers library.")
    weights = [WEIGHTS] if WEIGHTS in sizes else []
    if not weights and SHARDS in sizes:
        weights = [*sorted(filter(_SHARD.fullmatch, sizes)), SHARDS]
    if not weights:
        raise HubError(
            f"{name!r} has no {WEIGHTS}, and other formats can run code when they are read: "
            "choose a model with weights in safetensors."
        )
    small = [each for each in sizes if each in (*TOKENIZER, *OTHERS) or _is_sentencepiece(each)]
    files = [CONFIG, *small, *weights]
    total = sum(sizes[each] for each in files)
    if total > limit and name not in {each.name for each in PRESETS}:
        raise HubError(
            f"{name!r} is {total / 10**6:,.0f} MB, more than the {limit / 10**6:,.0f} MB that "
            "this app downloads: choose a smaller model, or raise DLNLP_HUB_MEGABYTES."
        )
    return files


def _is_sentencepiece(file: str) -> bool:
    return "/" not in file and file.endswith(".model")


def _fetched(
    name: str,
    commit: str,
    sizes: dict[str, int],
    check: Callable[[Path], object],
    progress: Progress | None,
    place: Place,
) -> Download:
    from huggingface_hub import hf_hub_download

    total, done = sum(sizes.values()), 0

    def report(read: int) -> None:
        check_deadline()
        if progress:
            progress(min(done + read, total), total)

    folder = Path()
    for file, size in sizes.items():
        bar: Any = _bar(report)
        path = hf_hub_download(
            name,
            file,
            revision=commit,
            endpoint=place.endpoint,
            cache_dir=place.cache,
            token=place.token,
            tqdm_class=bar,
        )
        done += size
        report(0)
        if file == CONFIG:
            folder = Path(path).parent
            check(folder)
    _note(folder, commit)
    return Download(folder, commit)


def _note(folder: Path, commit: str) -> None:
    """Note in the library's cache which commit is complete, for when there is no connection."""
    note = folder.parent.parent / "refs" / "main"
    with suppress(OSError):  # the cache may be read-only
        note.parent.mkdir(exist_ok=True)
        note.write_text(commit)


def _bar(report: Callable[[int], None]) -> type:
    """A class in place of the library's progress bars, which reports the bytes of one file."""

    class Bar:
        def __init__(self, *_: object, initial: int = 0, **options: object) -> None:
            self.n = initial
            self.total = options.get("total")

        def __enter__(self) -> Bar:
            return self

        def __exit__(self, *_: object) -> None:
            pass

        def update(self, count: int | None = 1) -> None:
            self.n += int(count or 0)
            report(self.n)

        def update_transfer(self, count: int | None = 1) -> None:
            """Bytes over the network, which may be fewer than those of the file."""

        def set_postfix_str(self, *_: object, **__: object) -> None:
            pass

        set_transfer_postfix_str = set_postfix_str

        def close(self) -> None:
            pass

    return Bar


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn the errors of the library into a HubError."""
    from huggingface_hub.errors import (
        EntryNotFoundError,
        GatedRepoError,
        HfHubHTTPError,
        RepositoryNotFoundError,
    )

    try:
        yield
    except HubError:
        raise
    except GatedRepoError as fault:
        raise HubError(
            f"{name!r} is gated: accept its conditions at “https://huggingface.co/{name}”, "
            "and set HF_TOKEN to a token of your account."
        ) from fault
    except RepositoryNotFoundError as fault:
        raise HubError(
            f"The Hub has no public model {name!r}: check the spelling of its owner and name."
        ) from fault
    except Exception as fault:
        if _unreachable(fault):
            raise HubError(
                f"The Hub can't be reached, and {name!r} has not been downloaded before: "
                "check the connection to the internet, or give the path of a folder with a model."
            ) from fault
        if isinstance(fault, (HfHubHTTPError, EntryNotFoundError)):
            code = getattr(getattr(fault, "response", None), "status_code", "")
            raise HubError(
                f"The Hub could not provide {name!r} (error {code}): try again later."
            ) from fault
        if isinstance(fault, OSError) and fault.errno is None:  # a file of another size
            raise HubError(f"The download of {name!r} was interrupted: try again.") from fault
        raise


def _unreachable(fault: Exception) -> bool:
    """Whether an error says that there is no connection to the Hub, or that it is down."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HTTPError,
        LocalEntryNotFoundError,
        OfflineModeIsEnabled,
    )

    if isinstance(fault, HfHubHTTPError):
        return fault.response.status_code >= 500
    return isinstance(fault, (HTTPError, OfflineModeIsEnabled, LocalEntryNotFoundError))
