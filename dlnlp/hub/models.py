"""Keep at most two models of the Hub or of folders loaded, those that were used last."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from dlnlp.hub.chapters import ChapterModel, chapter_of, load_chapter
from dlnlp.hub.download import Place, Progress, download
from dlnlp.hub.errors import HubError
from dlnlp.hub.policy import PREFIX, byte_limit, hub_name, identity
from dlnlp.inference.deadline import check_deadline
from dlnlp.memory import trim

if TYPE_CHECKING:
    from dlnlp.hub.classifier import HubClassifier
    from dlnlp.hub.language_model import HubLanguageModel

    Loaded = HubClassifier | HubLanguageModel | ChapterModel

MOST_LOADED = 2


class Key(NamedTuple):
    """What a loaded model depends on.

    ``files`` are the name, size and time of change of each file of a folder.
    """

    name: str
    device: str | None
    files: tuple[tuple[str, int, int], ...]


class HubModels:
    """Models that are downloaded and loaded on first use; safe to share between threads.

    Args:
        limit: The most bytes to download for a model; by default ``DLNLP_HUB_MEGABYTES``.
        device: The device of the models; by default the best available one.
        most_loaded: How many models stay loaded.
        place: Where models come from and go to; by default the Hub, and the library's own cache.
    """

    def __init__(
        self,
        limit: int | None = None,
        device: str | None = None,
        most_loaded: int = MOST_LOADED,
        place: Place | None = None,
    ) -> None:
        self.limit = limit or byte_limit()
        self.device = device
        self.most_loaded = most_loaded
        self.place = place
        self._loaded: OrderedDict[Key, Loaded]
        self._loaded = OrderedDict()  # the least recently used one first
        self._bookkeeping = threading.Lock()
        self._loading = threading.Lock()  # one at a time, to save memory

    def get(self, name: str, progress: Progress | None = None, device: str | None = None) -> Loaded:
        """The predictor of a model, downloaded and loaded on the first call.

        A loaded model is returned at once, even while another one is being loaded. A folder whose
        files have changed since is loaded again.

        Args:
            name: "hf:owner/name" or the path of a folder.
            progress: Called with the bytes that are downloaded and their total.
            device: By default that of these models.

        Raises:
            HubError: The model can't be used; the message says why, and what to do.
            CheckpointError: It is a chapter's model whose folder is damaged.
            ValueError: This machine has no such device.
            DeadlineExceeded, Cancelled: See ``check_deadline``, while it waits or downloads.
        """
        key = _key(name, device or self.device)
        found = self._find(key)
        if found is not None:
            return found
        while not self._loading.acquire(timeout=0.2):
            check_deadline()
        try:
            found = self._find(key)
            if found is not None:  # loaded by another thread in the meantime
                return found
            predictor = self._load(key.name, progress, key.device)
            self._keep(key, predictor)
            trim()
            return predictor
        finally:
            self._loading.release()

    def is_loaded(self, name: str) -> bool:
        """Whether ``get`` returns at once."""
        with self._bookkeeping:
            return _key(name, self.device) in self._loaded

    def _find(self, key: Key) -> Loaded | None:
        with self._bookkeeping:
            if key in self._loaded:
                self._loaded.move_to_end(key)
            return self._loaded.get(key)

    def _keep(self, key: Key, predictor: Loaded) -> None:
        with self._bookkeeping:
            for other in [k for k in self._loaded if k[:2] == key[:2]]:  # before the folder changed
                del self._loaded[other]
            self._loaded[key] = predictor
            while len(self._loaded) > self.most_loaded:
                self._loaded.popitem(last=False)

    def _load(self, name: str, progress: Progress | None, device: str | None) -> Loaded:
        from dlnlp.hub.loading import check_config, load_folder

        model = hub_name(name)
        if model is None:
            folder = Path(name)
            if not folder.is_dir():
                raise HubError(
                    f"There is no folder {name!r}: check its path, or write {PREFIX}owner/name for "
                    "a model of the Hub."
                )
            entry = chapter_of(folder)
            return load_chapter(entry, folder, device) if entry else load_folder(folder, "", device)
        found = download(
            model, self.limit, lambda folder: check_config(folder, model), progress, self.place
        )
        return load_folder(found.folder, model, device, found.commit)


def _key(name: str, device: str | None) -> Key:
    name = identity(name)
    paths = [] if hub_name(name) else sorted(Path(name).glob("*"))
    files = []
    for path in paths:
        with suppress(OSError):  # it may just have been replaced
            found = path.stat()
            files.append((path.name, found.st_size, found.st_mtime_ns))
    return Key(name, device, tuple(files))


_shared_lock = threading.Lock()


@functools.cache
def _shared(public: bool) -> HubModels:
    return HubModels(place=Place(token=False) if public else None)


def shared_models(public: bool = False) -> HubModels:
    """The models of this process, which ``dlnlp.load`` and the app share.

    Args:
        public: For visitors from elsewhere: they can't load what only the owner of the server's
            token may see.
    """
    with _shared_lock:  # functools.cache alone may call the function twice if two threads race
        return _shared(public)
