"""How a process of the lab comes to its end, whoever or whatever ends it."""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_prctl = ctypes.CDLL(None).prctl if sys.platform == "linux" else None
PR_SET_PDEATHSIG = 1


def in_order() -> None:
    """SIGTERM and a closed terminal end this process as Ctrl-C does, by KeyboardInterrupt.

    Ctrl-C itself too: a program that a shell starts in the background ignores it, and so would all that it starts.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.default_int_handler)


def with_parent(number: int = signal.SIGTERM, parent: int | None = None) -> None:
    """When this process's parent dies, however that happens, the system sends this process a signal. Linux only.

    ``parent``: its process id, as known before this process was made; it may be dead already.
    """
    if _prctl:
        _prctl(PR_SET_PDEATHSIG, int(number))
        if parent not in (None, os.getppid()):
            os.kill(os.getpid(), number)
