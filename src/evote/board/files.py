# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that survive a crash, and reading that hostile files cannot abuse.

Spec: BRD-16
"""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from evote.errors import StorageError

_TEMPORARY_SUFFIX: Final = ".tmp"


def _refuse(path: Path, reason: str) -> StorageError:
    return StorageError(f"{printable(path)}: {reason}.", subject=printable(path))


def printable(path: Path | str) -> str:
    """Return a path as text that any terminal can show, whatever bytes the name holds."""
    name = os.fspath(path)
    try:
        data = name.encode("utf-8", "surrogateescape")  # whatever the locale is
    except UnicodeEncodeError:
        data = name.encode("utf-8", "surrogatepass")
    text = data.decode("utf-8", "backslashreplace")
    return "".join(character if character.isprintable() else f"\\x{ord(character):02x}" for character in text)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable.

    Raises:
        OSError: The folder cannot be opened.
    """
    if os.name != "posix":  # only POSIX can open a folder
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path, *, mode: int = 0o755) -> None:
    """Make a folder and its missing parents durably; one that exists is no error.

    Raises:
        OSError: It cannot be made.
    """
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for step in reversed(missing):
        step.mkdir(mode=mode, exist_ok=True)
        sync_folder(step.parent)


def write_durably(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace a file as a whole: after a crash at any moment it holds the old bytes or the new ones.

    Temporary file, fsync, rename, fsync of the folder. Missing folders are made. A crash can leave a
    temporary file beside `path`; `remove_temporary_files` takes it away.

    Args:
        path: The file; overwritten if it exists.
        data: What it holds afterwards.
        mode: Permissions; 0o600 for what is private.

    Raises:
        StorageError: The file cannot be written; the old one is still there.

    Spec: BRD-16
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{_TEMPORARY_SUFFIX}")
    try:
        make_folder(path.parent)
        try:
            create_file(temporary, data, mode=mode)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise _refuse(path, f"cannot be written ({reason or 'bad name'})") from None


@contextmanager
def hold_lock(path: Path) -> Iterator[None]:
    """Be the only one, among threads and processes, inside this block; waits for the others.

    The system gives the lock back when a process dies. POSIX only.

    Raises:
        StorageError: The lock file cannot be opened.
    """
    with _locked(path, wait=True):
        yield


@contextmanager
def checkpoint_lock(private: Path) -> Iterator[None]:
    """Be the only one who replaces a checkpoint of a record; waits for the others. POSIX only.

    Args:
        private: The private folder beside the record. Where there is none, nobody writes the log.

    Spec: WIT-8
    """
    if not private.is_dir():
        yield
        return
    with hold_lock(private / "checkpoint.lock"):
        yield


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Tell whether this block is the only one, among threads and processes; does not wait. POSIX only.

    Raises:
        StorageError: The lock file cannot be opened.
    """
    with _locked(path, wait=False) as alone:
        yield alone


@contextmanager
def _locked(path: Path, *, wait: bool) -> Iterator[bool]:
    import fcntl  # POSIX only; readers of a record do without

    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise _refuse(path, f"cannot be opened ({error.strerror})") from None
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            alone = True
        except BlockingIOError:
            alone = False
        yield alone
    finally:
        fcntl.flock(descriptor, fcntl.LOCK_UN)  # also for a child that was forked meanwhile
        os.close(descriptor)


def create_file(path: Path, data: bytes, *, mode: int) -> None:
    """Create a file that does not exist yet and make its bytes durable.

    Raises:
        OSError: It exists, or cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def open_plain(path: Path) -> BinaryIO:
    """Open a plain file for reading; never waits on a pipe or a device.

    Raises:
        StorageError: Missing, not a plain file, or not readable.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else None
        raise _refuse(path, f"cannot be read ({reason or 'bad name'})") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _refuse(path, "is not a plain file")
    return os.fdopen(descriptor, "rb")


def read_bounded(path: Path, limit: int) -> bytes:
    """Read a whole file of at most `limit` bytes.

    Args:
        path: The file; its content is not trusted.
        limit: Greatest size in bytes; no more than this is ever held in memory.

    Raises:
        StorageError: Missing, not a plain file, longer than `limit`, or not readable.
    """
    with open_plain(path) as file:
        try:
            data = file.read(limit + 1)
        except OSError as error:
            raise _refuse(path, f"cannot be read ({error.strerror})") from None
    if len(data) > limit:
        raise _refuse(path, f"is longer than the {limit} bytes allowed")
    return data


def walk_files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Yield everything under a folder that is not a folder itself; symbolic links are not followed.

    Raises:
        StorageError: A folder cannot be read.
    """
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        try:
            with os.scandir(current) as found:
                entries = list(found)
        except OSError as error:
            raise _refuse(current, f"cannot be read ({error.strerror})") from None
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                waiting.append(Path(entry.path))
            else:
                yield entry


def remove_temporary_files(folder: Path) -> None:
    """Remove what interrupted calls of `write_durably` left under a folder.

    The caller holds the lock under which the folder is written.

    Raises:
        StorageError: A file cannot be removed.
    """
    for entry in walk_files(folder) if folder.is_dir() else ():
        if entry.name.startswith(".") and entry.name.endswith(_TEMPORARY_SUFFIX):
            remove_file(Path(entry.path))


def remove_file(path: Path) -> None:
    """Remove a file; one that is gone already is no error.

    Raises:
        StorageError: It cannot be removed.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise _refuse(path, f"cannot be removed ({error.strerror})") from None
