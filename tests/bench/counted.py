"""A daemon that counts what it asks of the database: `counted.py VERB FILE`, told by SIGUSR1 to write it down."""

import atexit
import os
import signal
import sys
from pathlib import Path

import anyio
from pymongo import monitoring

from telemetry.runtime.logs import configure_logs
from telemetry.runtime.settings import Settings
from tests.bench.tally import Tally
from tests.e2e.entry import RUN


def main() -> None:
    """Run a daemon until a signal."""
    verb, file = sys.argv[1], Path(sys.argv[2])
    tally = Tally()
    # Only clients made from now on tell this listener.
    monitoring.register(tally)
    signal.signal(signal.SIGUSR1, lambda _number, _frame: tally.write(file))
    atexit.register(tally.write, file)
    settings = Settings.read(os.environ)
    configure_logs("json", settings.log_level, verb)
    anyio.run(RUN[verb], settings)


if __name__ == "__main__":
    main()
