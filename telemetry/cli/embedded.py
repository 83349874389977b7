"""The embedded MongoDB-protocol server, run as a separate program for trying tellonce and for its tests."""

import ctypes
import logging
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from logging.handlers import RotatingFileHandler
from pathlib import Path
from tempfile import TemporaryDirectory

from telemetry.core.errors import ConfigurationError

PROGRAM = "secantusd-py"
# Wheels of the pinned version exist for these.
PYTHONS = ("3.11", "3.12", "3.13")
STARTED = "listening on "
# A restart reads the whole store again: about 1.5 s for each 100,000 documents.
START_SECONDS = 60.0
STOP_SECONDS = 10.0
LOG = "server.log"
LOG_BYTES = 1024 * 1024
PR_SET_PDEATHSIG = 1
# Looked up before any fork: the child of a process with threads must not wait for the loader's lock.
# Linux alone has it; elsewhere the server is stopped by its owner only.
_prctl = getattr(ctypes.CDLL(None), "prctl", None)


class EmbeddedServer:
    """A running server, its address, and the means to end it well or badly."""

    def __init__(self, folder: Path, storage: str, port: int) -> None:
        self._folder = folder
        self._storage = storage
        self.port = port
        self._reader = threading.Thread()  # none yet
        self._process = self._start()

    @property
    def uri(self) -> str:
        """Where and how to connect: its writes get slow where the driver numbers them for retrying."""
        return f"mongodb://127.0.0.1:{self.port}/?retryWrites=false&maxPoolSize=8"

    @property
    def pid(self) -> int:
        """The server's process."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def stop(self) -> None:
        """Ask it to stop; kill it when it will not."""
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        self._end()

    def kill(self) -> None:
        """Kill it without a word, as a power failure would."""
        self._process.kill()
        self._end()

    def _end(self) -> None:
        self._process.wait()
        self._reader.join()

    def restart(self) -> None:
        """Start it again on the same data and port: open streams go on by themselves."""
        self.stop()
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(  # noqa: S603 - the program that the extra installed
            [_program(), *self._arguments(self._empty_configuration())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,  # Ctrl-C is for the daemons first, the database goes last
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one call of the C library, no lock
        )
        listening, told = threading.Event(), list[str]()
        try:
            self._reader = threading.Thread(target=self._read, args=(process, listening, told), daemon=True)
            self._reader.start()
            self._wait_until(listening, told)
        except BaseException:  # Ctrl-C too: nothing that was started stays behind
            process.kill()
            process.wait()
            if self._reader.is_alive():
                self._reader.join()
            raise
        return process

    def _wait_until(self, listening: threading.Event, told: list[str]) -> None:
        if not listening.wait(START_SECONDS):
            raise ConfigurationError(f"the embedded server did not start within {START_SECONDS:g} s")
        if not any(STARTED in line for line in told):
            raise ConfigurationError(self._why(told))

    def _empty_configuration(self) -> Path:
        # Without one a file of the working directory would be read.
        empty = self._folder / "server.toml"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            empty.touch()
        except OSError as error:
            why = error.strerror or type(error).__name__
            raise ConfigurationError(
                f"{self._folder}: no folder to keep the embedded server's data in: {why}"
            ) from error
        return empty

    def _arguments(self, empty: Path) -> list[str]:
        options = {
            "--host": "127.0.0.1",
            "--port": str(self.port),
            "--storage-path": self._storage,
            "--oplog-max-entries": "1000000",
            "--oplog-retention-seconds": "86400",
            "--log-level": "INFO",
            "--config": str(empty),
        }
        # Without a sync on each commit a kill loses what was acknowledged.
        return ["--sync-on-commit", *(word for pair in options.items() for word in pair)]

    def _read(self, process: subprocess.Popen[bytes], listening: threading.Event, told: list[str]) -> None:
        # The pipe must be drained for as long as the server lives, or its log would block it.
        assert process.stderr is not None  # noqa: S101 - a pipe was asked for
        with process.stderr as said, closing(_Log(self._folder / LOG)) as log:
            for line in said:
                text = line.decode(errors="replace").rstrip()
                log.emit(logging.makeLogRecord({"msg": text}))
                if not listening.is_set():
                    told.append(text)
                if STARTED in text and not listening.is_set():
                    self.port = int(text.rsplit(":", 1)[1])
                    listening.set()
        listening.set()

    def _why(self, told: list[str]) -> str:
        last = next((line for line in reversed(told) if line.strip()), "it said nothing")
        lock = "locked" in last.lower() or "busy" in last.lower() or "another process" in last.lower()
        if lock:
            return f"{self._storage}: another process uses this data; stop it, or start in another folder"
        if "address already in use" in last.lower():
            return f"127.0.0.1:{self.port} is taken: stop what listens there, or let the embedded server choose a port"
        return f"the embedded server did not start: {last[:300]}"


class _Log(RotatingFileHandler):
    """What the server said, beside its data, bounded."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the base class's name
        """Lose a line rather than stop reading: on a full disk the server would block on its log."""


@contextmanager
def start_embedded_server(data: Path | None, port: int = 0) -> Iterator[EmbeddedServer]:
    """Run a server on a folder (None: in memory); raise ConfigurationError when it cannot start.

    A folder keeps its port from one start to the next while that is free. The server ends with the *thread* that
    started it, not only with the process: start it in one that stays.
    """
    with TemporaryDirectory(prefix="tellonce-") as temporary:
        folder = data or Path(temporary)
        server = EmbeddedServer(folder, str(data / "data") if data else ":memory:", port or _kept_port(folder))
        try:
            (folder / "port").write_text(str(server.port))
            yield server
        finally:
            server.stop()


def die_with_parent(number: int = signal.SIGTERM) -> None:
    """Ask the kernel to signal this process when its parent dies, however that happens."""
    if _prctl is not None:
        _prctl(PR_SET_PDEATHSIG, number)


def _kept_port(folder: Path) -> int:
    try:
        port = int((folder / "port").read_text())
        with socket.create_server(("127.0.0.1", port)):
            return port
    except (OSError, ValueError):
        return 0


def _program() -> str:
    beside = Path(sys.executable).parent / PROGRAM
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which(PROGRAM)
    if found is None:
        raise ConfigurationError(_missing())
    return found


def _missing() -> str:
    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    otherwise = "or set TELLONCE_MONGODB_URI to a MongoDB replica set"
    if python not in PYTHONS:
        return f"the embedded server has no wheel for Python {python}: use {', '.join(PYTHONS)}, {otherwise}"
    return f"the embedded server is not installed: pip install 'tellonce[embedded]', {otherwise}"
