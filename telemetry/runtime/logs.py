"""One line an occurrence: an event name and fields, for a person on a terminal or for a machine."""

import logging
import sys
from typing import Any, Literal

import structlog


def get_logger(name: str) -> Any:
    """Give a module its logger."""
    return structlog.stdlib.get_logger(name)


def configure_logs(form: Literal["console", "json"], level: str = "INFO", daemon: str = "") -> None:
    """Send all logs to standard error, our own and the libraries', in one form."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    colors = sys.stderr.isatty()
    # What a function had in hand when it failed may be a secret.
    traceback = structlog.dev.RichTracebackFormatter("truecolor" if colors else None, show_locals=False)
    renderer: Any = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=traceback)
    tail: list[Any] = (
        [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()] if form == "json" else [renderer]
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(sys.stderr)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *tail]))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for noisy in ("aiohttp.access", "asyncio", "pymongo", "uvicorn"):
        logging.getLogger(noisy).setLevel("WARNING")
    # It tells of each reconnect with a traceback, and of voice libraries that nobody misses; what matters we say.
    logging.getLogger("discord").setLevel("CRITICAL")
    if daemon:
        structlog.contextvars.bind_contextvars(daemon=daemon)
