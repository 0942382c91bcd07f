"""Files that are read whole, and written whole or not at all. What is in them is for others to say."""

from __future__ import annotations

import errno
import os
import secrets
from pathlib import Path

FilePath = str | os.PathLike[str]


def read_whole(path: FilePath) -> bytes:
    """What is in the file. Raises OSError."""
    return Path(path).read_bytes()


def write_whole(path: FilePath, content: bytes) -> None:
    """Puts `content` at `path`, where nobody ever sees a part of it: until it is there, what was there stays.

    It is written to a temporary file in the same folder, forced to the disk, and given the name. A link is followed; a
    file that is replaced hands its permissions on; what is no file (a device, a pipe) is not replaced. Raises OSError,
    which names `path`; then nothing is left behind.
    """
    try:
        _write_whole(_target(path), content)
    except OSError as error:
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def _target(path: FilePath) -> Path:
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
    if target.exists() and not (target.is_file() or target.is_dir()):  # a folder is refused by the system itself
        raise OSError(errno.EINVAL, "Not a regular file")
    return target


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".stepd-{secrets.token_hex(8)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            if path.exists():
                temporary.chmod(path.stat().st_mode & 0o7777)
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # elsewhere a folder can't be opened
        _force_out(path.parent)


def _force_out(folder: Path) -> None:
    """The new name has to outlive a power failure as well."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
