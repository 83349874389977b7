"""Daemons forked off one process that has imported them already: real processes, in a tenth of the time.

Reads orders as lines of JSON, answers likewise, and ends with its owner. What a child does is the command
line's business; all that is done for it here is what an operating system does: environment, log, folder.
"""

import json
import os
import selectors
import signal
import sys
from collections.abc import Mapping
from typing import Any, NoReturn

os.environ["MOTOR_MAX_WORKERS"] = "8"

import telemetry.courier.service
import telemetry.ingest.service
import telemetry.ops.verify
import telemetry.watcher.service  # noqa: F401
from bot import main as _bot  # noqa: F401
from consumers.handler import carrier as _handler  # noqa: F401
from telemetry.cli import (  # noqa: F401
    audience,
    audit,
    cancel,
    courier,
    ingest,
    main,
    pause,
    replay,
    resume,
    retry,
    schedule,
    send,
    verify,
    watch,
)
from telemetry.cli.embedded import die_with_parent
from tests.crash.sabotage import take_out


def serve() -> None:
    """Start children as told until the owner hangs up; then kill them."""
    die_with_parent(signal.SIGKILL)
    children: set[int] = set()
    readable, writable = os.pipe()
    os.set_blocking(writable, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(writable)
    ready = selectors.DefaultSelector()
    ready.register(sys.stdin.fileno(), selectors.EVENT_READ, "order")
    ready.register(readable, selectors.EVENT_READ, "ended")
    unread = b""
    _tell({"ready": True})
    while True:
        for key, _ in ready.select():
            if key.data == "ended":
                os.read(readable, 1000)
                _reap(children)
                continue
            if not (read := os.read(sys.stdin.fileno(), 65536)):
                for child in children:
                    os.kill(child, signal.SIGKILL)
                return
            *lines, unread = (unread + read).split(b"\n")
            for order in map(json.loads, lines):
                child = os.fork() or _become(order)
                children.add(child)
                _tell({"number": order["number"], "pid": child})


def _reap(children: set[int]) -> None:
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            return
        children.discard(pid)
        _tell({"ended": pid, "code": os.waitstatus_to_exitcode(status)})


def _tell(what: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


def _become(order: Mapping[str, Any]) -> NoReturn:
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.setsid()
    die_with_parent(signal.SIGKILL)
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for target, source in ((0, nothing), (1, log), (2, log)):
        os.dup2(source, target)
    os.environ.update(order["environ"])
    if "LD_PRELOAD" in os.environ:
        # Only a program that is loaded anew takes another library in.
        os.environ["PYTHONPATH"] = os.pathsep.join(order["path"])
        program = [sys.executable, "-m", "telemetry.cli.main", *order["arguments"]]
        os.execv(program[0], program)  # noqa: S606 - our own
    sys.path[:0] = order["path"]
    sys.argv = ["tellonce", *order["arguments"]]
    code: Any = 1
    try:
        if order["without"]:
            take_out(order["without"])
        main.main()
    except SystemExit as error:
        code = error.code or 0
    except BaseException:  # noqa: BLE001 - the child must not go on as a second nursery
        sys.excepthook(*sys.exc_info())
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


if __name__ == "__main__":
    serve()
