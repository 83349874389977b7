"""Standard input as it comes: what is there is sent, whatever may follow."""

import io
import os
import select
import signal
import stat
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import Queue
from threading import Thread
from types import FrameType
from typing import Any

from telemetry.cli.reading import BATCH_EVENTS, NOT_TEXT, Line, batches, read_lines


def waiting_input() -> int | None:
    """Give the descriptor of a standard input that may keep one waiting: a pipe or a terminal, and no file."""
    try:
        descriptor = sys.stdin.fileno()
    except io.UnsupportedOperation:
        return None
    waits = hasattr(select, "poll") and not stat.S_ISREG(os.fstat(descriptor).st_mode)
    return descriptor if waits else None


class Stream:
    """The lines of a descriptor, read ahead by a thread."""

    def __init__(self, descriptor: int) -> None:
        self._input = _Input(descriptor)
        # Who sends is behind by so many at most.
        self._read_ahead: Queue[Line | Exception | None] = Queue(BATCH_EVENTS)
        # It may wait for a line that never comes, and ends with the process then.
        Thread(target=self._read, name="stream", daemon=True).start()

    def batches(self) -> Iterator[Sequence[Line]]:
        """Gather what has come; raise ConfigurationError where it can be no events."""
        return batches(self._lines(), rests=self._read_ahead.empty)

    def end(self) -> None:
        """Wait for nothing more: what was written by now is the last of it."""
        self._input.end()

    def _lines(self) -> Iterator[Line]:
        while (found := self._read_ahead.get()) is not None:
            if isinstance(found, Exception):
                raise found
            yield found

    def _read(self) -> None:
        last: Exception | None = None
        try:
            for line in read_lines(io.TextIOWrapper(io.BufferedReader(self._input), "utf-8", NOT_TEXT)):
                self._read_ahead.put(line)
        except Exception as error:  # noqa: BLE001 - raised where the lines are taken
            last = error
        self._read_ahead.put(last)


class _Input(io.RawIOBase):
    """A descriptor that is at its end where nothing is there and nothing is waited for."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._ended, self._ending = os.pipe()

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read what is there, or else what comes next."""
        ready, _, _ = select.select([self._descriptor, self._ended], [], [])
        return os.readv(self._descriptor, [buffer]) if self._descriptor in ready else 0

    def end(self) -> None:
        """Wait no more."""
        os.write(self._ending, b".")


@contextmanager
def told_by_signals(end: Callable[[], None]) -> Iterator[None]:
    """Have the first Ctrl-C, or SIGTERM, end something in good order; a second one does what it always does."""
    usual = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def handle(_number: int, _frame: FrameType | None) -> None:
        restore()
        end()

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    for number, handler in usual.items():
        # Whoever runs this in the background may have it ignored.
        if handler is not signal.SIG_IGN:
            signal.signal(number, handle)
    try:
        yield
    finally:
        restore()
