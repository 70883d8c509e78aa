"""How a process of the lab comes to its end, whoever or whatever ends it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1
#: What asks a process to end; Windows has not all of them.
ASKS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def in_order() -> None:
    """SIGTERM and a closed terminal end this process as Ctrl-C does, by KeyboardInterrupt.

    Ctrl-C itself too: a program that a shell starts in the background ignores it, and so would all that it starts.
    """
    for name in ASKS:
        signal.signal(name, signal.default_int_handler)


@contextmanager
def later() -> Iterator[None]:
    """What asks this process to end is heard after the block.

    For a fork: Python drops a KeyboardInterrupt that is raised in what it calls before and after one.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ASKS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def heard() -> None:
    """In a process that was made meanwhile: what asks it to end is heard."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ASKS)


def with_parent(number: int = signal.SIGTERM, parent: int | None = None) -> None:
    """When this process's parent dies, however that happens, the system sends this process a signal. Linux only.

    ``parent``: its process id, as known before this process was made; it may be dead already.
    """
    if _prctl:
        _prctl(PR_SET_PDEATHSIG, int(number))
        if parent not in (None, os.getppid()):
            os.kill(os.getpid(), number)
