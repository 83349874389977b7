"""What a verb starts with: the environment, the file, and a connection to the database."""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import anyio

from telemetry.cli.premises import running_here
from telemetry.runtime.config import Config, load_config
from telemetry.runtime.logs import configure_logs
from telemetry.runtime.settings import Settings
from telemetry.runtime.tracing import tracing
from telemetry.store.client import Connection, connect

T = TypeVar("T")


def read_settings() -> Settings:
    """Read the environment; where it names no database, the one that `tellonce up` runs here is meant."""
    settings = Settings.read(os.environ)
    if settings.mongodb_uri is None and (running := running_here()):
        allowed = {} if settings.webhook_allow else {"webhook_allow": running.allowed}
        return Settings.model_validate(settings.model_dump() | {"mongodb_uri": running.mongodb_uri} | allowed)
    return settings


def read_config(settings: Settings) -> Config:
    """Read `tellonce.toml`, or the file that the environment names."""
    return load_config(settings.config)


def open_daemon(name: str) -> tuple[Settings, Config]:
    """Read what a daemon is told, and send its log to standard error and its traces where they go."""
    settings = Settings.read(os.environ)
    configure_logs(settings.log_format, settings.log_level, daemon=name)
    tracing.configure(name, os.environ)
    return settings, read_config(settings)


@asynccontextmanager
async def opened(settings: Settings | None = None) -> AsyncIterator[Connection]:
    """Connect to the database of this deployment."""
    settings = settings or read_settings()
    async with connect(settings.require_mongodb_uri(), settings.database) as connection:
        yield connection


def answer(question: Callable[[Connection], Awaitable[T]], settings: Settings | None = None) -> T:
    """Ask the database something and return what it said."""

    async def ask() -> T:
        async with opened(settings) as connection:
            return await question(connection)

    return anyio.run(ask)
