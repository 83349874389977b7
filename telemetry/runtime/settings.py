"""What the environment says, read once and frozen."""

import re
import sys
from collections.abc import Callable, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from telemetry.core.carrier import USUAL_SCHEDULE
from telemetry.core.clock import CLOCK_ERROR
from telemetry.core.errors import ConfigurationError
from telemetry.core.source import NAME
from telemetry.runtime.config import explained, mistake, nearest

PREFIX = "TELLONCE_"
IGNORED = "TELLONCE_TEST_"
UNPREFIXED = ("DISCORD_TOKEN", "DISCORD_API_BASE", "DISCORD_GATEWAY")
SECRET = frozenset({"mongodb_uri", "ingest_keys", "discord_token"})
_CHANNEL_LEASE = "less than TELLONCE_CHANNEL_LEASE minus TELLONCE_REQUEST_TIMEOUT"
_COURIER_LEASE = "less than TELLONCE_COURIER_LEASE minus TELLONCE_RECORD_FRESH"
_APART = CLOCK_ERROR.total_seconds()
_DATABASE = re.compile(r"[A-Za-z0-9_-]{1,63}")

_WAIT = re.compile(r"([0-9]+(?:\.[0-9]+)?)([smh])")
_MODULE = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
_UNITS = {"s": 1, "m": 60, "h": 3600}

Seconds: TypeAlias = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Port: TypeAlias = Annotated[int, Field(ge=0, le=65535)]  # 0: any free one


Network: TypeAlias = IPv4Network | IPv6Network


def _read_networks(listed: Any) -> Any:
    if not isinstance(listed, str):
        return listed
    try:
        return tuple(ip_network(part.strip()) for part in listed.split(",") if part.strip())
    except ValueError as error:
        raise ValueError(f"expected networks as in 127.0.0.0/8,10.1.0.0/16: {error}") from error


def read_waits(listed: Any) -> Any:
    """Read waits as in "5s,5m,2h" as seconds; raise ValueError for any other text."""
    if not isinstance(listed, str):
        return listed
    matches = [_WAIT.fullmatch(part.strip()) for part in listed.split(",")]
    if not all(matches):
        raise ValueError(f'expected waits as in "5s,5m,2h", not {listed!r}')
    return tuple(float(match[1]) * _UNITS[match[2]] for match in matches if match)


def _read_modules(listed: Any) -> Any:
    if not isinstance(listed, str):
        return listed
    names = tuple(part.strip() for part in listed.split(",") if part.strip())
    for name in names:
        if not _MODULE.fullmatch(name):
            raise ValueError(f"expected modules as in mymodule,other.module, not {name!r}")
    return names


def _starting(*schemes: str) -> Callable[[str], str]:
    def check(address: str) -> str:
        if not address.startswith(schemes):
            raise ValueError(f"expected an address that starts with {' or '.join(schemes)}")
        return address

    return check


def _database(name: str) -> str:
    if not _DATABASE.fullmatch(name):
        raise ValueError(f"expected up to 63 letters, digits, '_' or '-', not {name!r}")
    return name


def _read_keys(listed: Any) -> Any:
    if not isinstance(listed, str):
        return listed
    keys: dict[str, str] = {}
    for place, entry in enumerate(filter(None, (part.strip() for part in listed.split(","))), 1):
        name, colon, secret = entry.partition(":")
        if not (colon and NAME.fullmatch(name) and secret.isascii() and secret.isprintable() and " " not in secret):
            raise ValueError(f"entry {place} is not of the form name:secret")
        if not secret or name in keys or secret in keys.values():
            raise ValueError(f"entry {place} ({name}) has no secret, or a name or secret that another entry has")
        keys[name] = secret
    return keys


class Settings(BaseSettings):
    """What the environment says; times are in seconds, and the variables are the names below with the prefix."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, frozen=True, extra="forbid")

    mongodb_uri: Annotated[str, AfterValidator(_starting("mongodb://", "mongodb+srv://"))] | None = Field(
        None, repr=False
    )
    database: Annotated[str, AfterValidator(_database)] = "telemetry"
    config: Path | None = None  # none: tellonce.toml where there is one
    log_format: Literal["console", "json"] = "json"
    log_level: Annotated[
        Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"],
        BeforeValidator(lambda level: level.upper() if isinstance(level, str) else level),
    ] = "INFO"

    ingest_host: str = "127.0.0.1"
    ingest_port: Port = 8080
    ingest_keys: Annotated[Mapping[str, SecretStr], BeforeValidator(_read_keys)] = Field(default_factory=dict)
    ingest_timeout: Seconds = 10  # for one group's write
    queue_limit: int = Field(5000, ge=1)  # events that wait for a write
    commit_max: int = Field(1000, ge=1)  # events in one write

    health_host: str = "127.0.0.1"
    watch_port: Port = 8081
    lease: Seconds = 8
    lease_renewal: Seconds = 3.5
    sweep_every: Seconds = 10
    full_sweep_every: Seconds = 600
    sweep_overlap: Seconds = 60
    batch: int = Field(1000, ge=1)  # events, or deliveries of a run, that a watcher takes up at once
    run_accounts: int = Field(8, ge=1)  # whose runs go on at once
    run_destinations: int = Field(3, ge=1)  # of one account at once
    run_rate: float = Field(40, gt=0, allow_inf_nan=False)  # deliveries a minute, of one account

    bot_port: Port = 8082
    discord_token: SecretStr | None = None
    discord_api_base: Annotated[str, AfterValidator(_starting("http://", "https://"))] | None = None
    discord_gateway: Annotated[str, AfterValidator(_starting("ws://", "wss://"))] | None = None
    channel_lease: Seconds = 30
    record_fresh: Seconds = 10  # nothing is sent on an older record
    request_timeout: Seconds = 10
    nonce_window: Seconds = 60
    history_settle: Seconds = 30
    bot_poll: Seconds = 15
    max_silent_claims: int = Field(20, ge=1)
    global_rate: float = Field(40, gt=0, le=50)  # Discord's own limit is 50 requests a second
    digest_max: int = Field(10, ge=1, le=10)

    courier_port: Port = 8084
    courier_lease: Seconds = 30  # on a delivery, and on a destination
    courier_poll: Seconds = 15
    carry_timeout: Seconds = 15  # for one try
    courier_pauses: int = Field(50, ge=0)  # tries that cost nothing, as the destination asked for a pause
    courier_failures: int = Field(5, ge=1)  # in a row, before a destination is left alone
    courier_rest: Seconds = 30  # for so long at first, twice as long after each try that fails
    handlers: Annotated[tuple[str, ...], BeforeValidator(_read_modules)] = ()  # modules with functions under @on
    webhook_allow: Annotated[tuple[Network, ...], BeforeValidator(_read_networks)] = ()  # though not public
    webhook_schedule: Annotated[tuple[Seconds, ...], BeforeValidator(read_waits)] = USUAL_SCHEDULE.waits

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],  # noqa: ARG003 - the library's signature
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but what `read` hands in."""
        return (init_settings,)

    @classmethod
    def read(cls, environ: Mapping[str, str], *, terminal: bool | None = None) -> Self:
        """Read an environment; an empty variable counts as absent. Raise ConfigurationError naming a bad one."""
        names = _variables(environ)
        given = {field: environ[name] for field, name in names.items() if environ[name]}
        on_terminal = sys.stderr.isatty() if terminal is None else terminal
        given.setdefault("log_format", "console" if on_terminal else "json")
        try:
            return cls.model_validate(given)
        except ValidationError as error:
            raise ConfigurationError(_line(error.errors()[0], names)) from None

    @model_validator(mode="after")
    def _hold_together(self) -> Self:
        for field, holds, said in (
            ("lease_renewal", self.lease_renewal < self.lease / 2, "less than half of TELLONCE_LEASE"),
            ("record_fresh", self.record_fresh + self.request_timeout < self.channel_lease, _CHANNEL_LEASE),
            ("carry_timeout", self.record_fresh + self.carry_timeout < self.courier_lease, _COURIER_LEASE),
            ("sweep_every", self.sweep_every <= self.full_sweep_every, "at most TELLONCE_FULL_SWEEP_EVERY"),
            ("sweep_overlap", self.sweep_overlap > 2 * _APART, f"more than {2 * _APART:g}, as clocks differ"),
            ("commit_max", self.commit_max <= self.queue_limit, "at most TELLONCE_QUEUE_LIMIT"),
        ):
            if not holds:
                raise mistake(f"expected {said}, not {getattr(self, field):g}", at=field)
        return self

    def require_mongodb_uri(self) -> str:
        """Give the database's address; raise ConfigurationError where there is none."""
        if not self.mongodb_uri:
            raise ConfigurationError(
                "TELLONCE_MONGODB_URI: not set; expected mongodb://host:port/?replicaSet=… "
                "(`tellonce up` brings a database of its own)"
            )
        return self.mongodb_uri

    def require_ingest_keys(self) -> None:
        """Raise ConfigurationError where ingest, with no source added, would be open to more than this machine."""
        if not self.ingest_keys and not is_loopback(self.ingest_host):
            raise ConfigurationError(
                f"TELLONCE_INGEST_KEYS: required on {self.ingest_host}, as without keys ingest is open to all; "
                "expected name:secret,… (or `tellonce sources add NAME`, or TELLONCE_INGEST_HOST=127.0.0.1)"
            )


def is_loopback(host: str) -> bool:
    """Say whether only this machine can reach an address."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    known = {f"{PREFIX}{field.upper()}": field for field in Settings.model_fields}
    for name in environ:
        if name.startswith(PREFIX) and name not in known and not name.startswith(IGNORED):
            raise ConfigurationError(f"{name}: unknown variable{nearest(name, known)}")
    plain = {name.lower(): name for name in UNPREFIXED if name in environ}
    return plain | {field: name for name, field in known.items() if environ.get(name)}


def _line(error: ErrorDetails, names: Mapping[str, str]) -> str:
    field = str((*error["loc"], *error.get("ctx", {}).get("at", ()))[0])
    return f"{names.get(field, PREFIX + field.upper())}: {explained(error, quote=field not in SECRET)}"
