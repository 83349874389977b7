"""Who may submit: letting a source in, giving it a new secret, and ending it."""

import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from telemetry.core.errors import ConfigurationError, TellonceError
from telemetry.core.rate import Rate
from telemetry.core.source import SECRET_PREFIX, Source, check_source_name, digest_of
from telemetry.store.client import Connection
from telemetry.store.sources import Sources

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """One source and how it stands; nothing of its secrets but their number and ends."""

    name: str
    state: Literal["added", "revoked", "environment"]
    since: datetime | None
    rate: str | None
    secrets: int
    former_until: datetime | None  # when the last of the former secrets ends
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class Added:
    """The secret of a new source, and whether it is the first that ingest asks for."""

    secret: str
    closes: bool


async def read_sources(connection: Connection) -> list[SourceStatus]:
    """Read all sources, and those of the environment that were used."""
    now = connection.clock.now()
    return [_status(source, now) for source in (await Sources(connection).all()).values()]


async def add(connection: Connection, name: str, rate: Rate | None, environment: Collection[str]) -> Added:
    """Let a source in; raise ConfigurationError or TellonceError where the name is no good or taken."""
    try:
        check_source_name(name)
    except ValueError as error:
        raise ConfigurationError(str(error)) from error
    if name in environment:
        raise ConfigurationError(f"{name}: TELLONCE_INGEST_KEYS has a source of that name; choose another")
    sources, secret = Sources(connection), _new_secret()
    closes = not environment and not any(source.added_at for source in (await sources.all()).values())
    if not await sources.add(name, digest_of(secret), rate):
        raise TellonceError(
            f"{name}: there is a source of that name; `tellonce sources rotate {name}` renews its secret"
        )
    return Added(secret, closes)


async def rotate(connection: Connection, name: str, overlap: timedelta) -> str:
    """Give a source a new secret, and those before it a while yet; raise TellonceError where there is none."""
    secret = _new_secret()
    if not await Sources(connection).rotate(name, digest_of(secret), overlap):
        raise await _unknown(connection, name)
    return secret


async def limit(connection: Connection, name: str, rate: Rate | None) -> None:
    """Hold a source to a rate, or to none; raise TellonceError where there is no such source."""
    if not await Sources(connection).limit(name, rate):
        raise await _unknown(connection, name)


async def revoke(connection: Connection, names: Sequence[str]) -> None:
    """End sources; raise TellonceError, having ended none, where one of them does not exist."""
    sources = Sources(connection)
    known = await sources.all()
    for name in names:
        if name not in known or not known[name].digests:
            raise await _unknown(connection, name)
    for name in names:
        await sources.revoke(name)


async def _unknown(connection: Connection, name: str) -> TellonceError:
    source = (await Sources(connection).all()).get(name)
    if source and source.revoked_at:
        return TellonceError(f"{name}: it is revoked; `tellonce sources add {name}` lets it in again")
    if source:
        return TellonceError(f"{name}: it is a source of TELLONCE_INGEST_KEYS; change it there")
    return TellonceError(f"{name}: there is no such source; `tellonce sources list` lists them")


def _new_secret() -> str:
    return SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def _status(source: Source, now: datetime) -> SourceStatus:
    taken = source.digests_at(now)
    return SourceStatus(
        name=source.name,
        state="environment" if source.added_at is None else "revoked" if source.revoked_at else "added",
        since=source.revoked_at or source.added_at,
        rate=str(source.rate) if source.rate else None,
        secrets=len(taken),
        former_until=max((digest.until for digest in taken if digest.until), default=None),
        last_used=source.last_used,
    )
