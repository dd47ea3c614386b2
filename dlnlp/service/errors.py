"""Turn exceptions into one sentence for the visitor, with details in the log."""

from __future__ import annotations

import errno
import logging
import uuid

from dlnlp.checkpoint import CheckpointError
from dlnlp.inference.deadline import Cancelled, DeadlineExceeded
from dlnlp.service.queues import Busy


class TooLarge(ValueError):
    """The body of a request is too large."""


class Unavailable(RuntimeError):
    """No replica of a model can answer."""


# The HTTP status of errors whose message is meant for the visitor; all others are faults of ours.
STATUS: dict[type[Exception], int] = {
    CheckpointError: 503,
    Busy: 503,
    Unavailable: 503,
    DeadlineExceeded: 504,
    Cancelled: 503,  # the server is stopping; others who cancel are no longer there
    TooLarge: 413,
    ValueError: 422,
    TypeError: 422,
}
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)  # the disk is full, or can't be written
DISK = "The server can't write its files ({}): free some space on its disk, and try again."
EXPECTED = tuple(STATUS)
_log = logging.getLogger("dlnlp.service")


def sentence(error: Exception, number: str = "") -> str:
    """The message for the visitor; logs the details.

    Args:
        number: The number under which the log has the details; by default a new one.
    """
    number = number or uuid.uuid4().hex[:12]
    if isinstance(error, EXPECTED):
        _log.info("%s: %s", number, error, exc_info=error)
        return str(error)
    if isinstance(error, OSError) and error.errno in FULL:
        _log.error("%s: %s", number, error, exc_info=error)
        return DISK.format(error.strerror)
    _log.error("Unexpected error %s", number, exc_info=error)
    return f"Something went wrong on the server; the details are in its log under “{number}”."


def status(error: Exception) -> int:
    """The HTTP status of an error: 500 if it is unexpected."""
    kinds = (code for kind, code in STATUS.items() if isinstance(error, kind))
    return next(kinds, 500)
