"""Temporary folders that do not outlive their run.

Who makes one removes it. When a run is killed nobody can, and the next run
does: a folder holds a lock file, and the lock of a process that is dead is
free. Folders of other people, and those without the file, stay.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.lab import ending

try:
    import fcntl
except ImportError:  # Windows has no such lock; a killed run leaves its folder there
    fcntl = None  # type: ignore[assignment]

LOCK = ".in-use-by-the-lab"
_locks: dict[Path, int] = {}
#: Folder -> the process that made it and has not removed it.
_made: dict[Path, int] = {}


def make(prefix: str) -> Path:
    """A new folder for this process, below the system's temporary folder; also removes what killed runs left there."""
    sweep()
    with ending.later():
        folder = Path(tempfile.mkdtemp(prefix=prefix)).resolve()
        _made[folder] = os.getpid()
        if fcntl:
            new = folder / f"{LOCK}.new"  # renamed once it is locked, so that nobody meets it free
            _locks[folder] = os.open(new, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            fcntl.flock(_locks[folder], fcntl.LOCK_EX | fcntl.LOCK_NB)
            new.rename(folder / LOCK)
    return folder


def remove(folder: Path) -> None:
    """Remove a folder of ``make``'s. What cannot be removed now is left for ``sweep``."""
    _empty(folder)
    if folder in _locks:
        os.close(_locks.pop(folder))
    _made.pop(folder, None)


@atexit.register
def _remove_forgotten() -> None:
    """Who was ended between making a folder and the ``try`` that removes it, removes it now."""
    for folder, maker in list(_made.items()):
        if maker == os.getpid():
            remove(folder)


def sweep() -> None:
    """Remove every folder whose process is dead."""
    for lock in Path(tempfile.gettempdir()).glob(f"*/{LOCK}") if fcntl else ():
        try:
            file = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:  # somebody else's, or gone meanwhile
            continue
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.fstat(file).st_uid == os.geteuid():
                _empty(lock.parent)
        except BlockingIOError:  # its process lives
            pass
        finally:
            os.close(file)


def _empty(folder: Path) -> None:
    """Remove a folder, its lock last: a removal that is cut short can be taken up again."""
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            path.unlink(missing_ok=True)
    if [path.name for path in folder.glob("*")] in ([], [LOCK]):
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def room(prefix: str) -> Iterator[Path]:
    """A folder until the end of the block."""
    folder = make(prefix)
    try:
        yield folder
    finally:
        remove(folder)


@contextmanager
def workshop(prefix: str) -> Iterator[Path]:
    """A folder in which everything temporary of this process, and of those it starts, goes until the end of the block."""
    with room(prefix) as folder:
        folder.chmod(0o755)  # Squid does not run as root
        before, named = tempfile.tempdir, os.environ.get("TMPDIR")
        tempfile.tempdir = os.environ["TMPDIR"] = str(folder)
        try:
            yield folder
        finally:
            tempfile.tempdir = before
            if named is None:
                del os.environ["TMPDIR"]
            else:
                os.environ["TMPDIR"] = named
