"""The directory `.tellonce`, where `up` keeps its data, and which one `up` at a time may use."""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from telemetry.core.errors import ConfigurationError

DIRECTORY = Path(".tellonce")
LOCK, ADDRESSES = "up.lock", "up.json"


@dataclass(frozen=True, slots=True)
class Running:
    """Where a running `up` is to be found."""

    pid: int
    mongodb_uri: str | None  # None: the one that the environment names
    ingest: str
    simulator: str | None
    allowed: str = ""  # private networks that its webhooks may reach


@contextmanager
def occupied(directory: Path = DIRECTORY) -> Iterator[Path]:
    """Hold the directory for this process; raise ConfigurationError when another `up` does."""
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        lock = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigurationError(f"{directory}: cannot be used for data: {error.strerror}") from error
    try:
        if not _locked(lock):
            pid = os.read(lock, 20).decode() or "?"
            raise ConfigurationError(f"`tellonce up` is running in this directory already (process {pid})")
        os.truncate(lock, 0)
        os.write(lock, str(os.getpid()).encode())
        yield directory
    finally:
        os.close(lock)


def announce(running: Running, directory: Path = DIRECTORY) -> None:
    """Let other verbs in this directory find what is running."""
    path = directory / ADDRESSES
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(running)), encoding="utf-8")
    fresh.replace(path)


def withdraw(directory: Path = DIRECTORY) -> None:
    """Tell nobody any more."""
    (directory / ADDRESSES).unlink(missing_ok=True)


def running_here(directory: Path = DIRECTORY) -> Running | None:
    """Find the `up` that runs in this directory, if one does."""
    try:
        with (directory / LOCK).open("rb") as lock:
            if _locked(lock.fileno()):
                return None
        return Running(**json.loads((directory / ADDRESSES).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _locked(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
