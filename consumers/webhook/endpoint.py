"""An endpoint: where events are told by webhook, which ones, and how fast. As `tellonce.toml` spells it, and as it is.

[webhook.endpoints.crm]
url = "https://crm.example.com/hooks"
secret = "whsec_…"       # or two in a list while one takes the other's place
events = ["sign_up"]     # or ["*"]
"""

import base64
import binascii
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationError

from telemetry.core.errors import ConfigurationError
from telemetry.core.event import Event
from telemetry.core.subscription import covers
from telemetry.runtime.config import Config, Table, explained, quoted, validated
from telemetry.runtime.logs import get_logger
from telemetry.runtime.routing import MOST_AUDIENCES, AudienceName, Routing
from telemetry.store.endpoints import Disabled, StoredEndpoint, StoredSecret

log = get_logger(__name__)

NAME = "webhook"
LONGEST_URL = 2048
# Standard Webhooks, "Signature scheme": 24 to 64 random bytes, in base64, behind a prefix.
SECRET_PREFIX = "whsec_"  # noqa: S105 - the mark of one
SHORTEST_SECRET, USUAL_SECRET, LONGEST_SECRET = 24, 32, 64
_NAME = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def check_url(url: str) -> str:
    """Return an address that can be posted to; raise ValueError saying what is wrong with it."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("https", "http") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        good = False
    if not good or not url.isascii() or not url.isprintable() or " " in url or len(url) > LONGEST_URL:
        raise ValueError(f"expected an address as in https://example.com/hooks, not {quoted(url)}")
    if parts.username is not None or parts.password is not None:
        raise ValueError("expected an address without a user and password in it: requests are signed instead")
    if parts.fragment:
        raise ValueError(f"expected an address without a fragment, not one that ends in #{parts.fragment}")
    return url


def check_secret(secret: str) -> str:
    """Return a signing secret; raise ValueError, which does not tell it, where it is none."""
    try:
        size = len(base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(SECRET_PREFIX) or not SHORTEST_SECRET <= size <= LONGEST_SECRET:
        raise ValueError(
            f"expected {SECRET_PREFIX} and {SHORTEST_SECRET} to {LONGEST_SECRET} bytes in base64; "
            "`tellonce webhooks secret` makes one"
        )
    return secret


def check_endpoint_name(name: str) -> str:
    """Return an endpoint's name; raise ValueError where it could not be part of a destination."""
    if not _NAME.fullmatch(name):
        raise ValueError(f"expected a name of up to 64 letters, digits, '_', '.' or '-', not {quoted(name)}")
    return name


def checked(check: Callable[[str], str], text: str, about: str = "") -> str:
    """Return what was typed, if a check lets it pass; raise ConfigurationError, which names what it is about."""
    try:
        return check(text)
    except ValueError as error:
        raise ConfigurationError(f"{about}: {error}" if about else str(error)) from error


def new_secret() -> str:
    """Make a signing secret."""
    return SECRET_PREFIX + base64.b64encode(secrets.token_bytes(USUAL_SECRET)).decode()


def _listed(spelling: Any) -> Any:
    return [spelling] if isinstance(spelling, str) else spelling


class EndpointTable(Table):
    """What is said about an endpoint, but for its secrets."""

    url: Annotated[str, AfterValidator(check_url)]
    events: list[str] = Field(min_length=1)
    concurrency: int = Field(4, ge=1, le=100)
    ordered: bool = False
    rate: float | None = Field(None, gt=0, le=10_000)


class FileEndpointTable(EndpointTable):
    """One `[webhook.endpoints.<name>]`."""

    secret: Annotated[
        list[Annotated[str, AfterValidator(check_secret)]], BeforeValidator(_listed), Field(min_length=1, max_length=2)
    ]


class RouteTable(Routing):
    """One `[[webhook.routes]]`: endpoints that audiences name are told, whatever they asked for."""

    audiences: list[AudienceName] = Field(min_length=1, max_length=MOST_AUDIENCES)


class WebhookTable(Table):
    """The whole section."""

    endpoints: Mapping[Annotated[str, AfterValidator(check_endpoint_name)], FileEndpointTable] = Field(
        default_factory=dict
    )
    routes: list[RouteTable] = Field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One endpoint as it is now."""

    name: str
    table: EndpointTable
    secrets: Sequence[StoredSecret]
    source: Literal["file", "database"]
    disabled: Disabled | None = None
    added_at: datetime | None = None
    removed_at: datetime | None = None

    @property
    def destination(self) -> str:
        """What its deliveries are addressed to."""
        return destination_of(self.name)

    def wants(self, event: Event) -> bool:
        """Say whether an event is meant for it: one of its types, received while it was there.

        So the plan of an event stays the same, whatever is added or removed between two plannings.
        """
        here = self.added_at is None or self.added_at <= event.received_at
        gone = self.removed_at is not None and self.removed_at <= event.received_at
        return here and not gone and covers(self.table.events, event.type)

    def secrets_at(self, now: datetime) -> list[str]:
        """List the secrets in use at a moment, the newest first."""
        return [secret.value for secret in self.secrets if secret.until is None or secret.until > now]


def destination_of(name: str) -> str:
    """Name an endpoint as deliveries do."""
    return f"{NAME}:{name}"


def name_of(destination: str) -> str:
    """Give the endpoint that a destination names."""
    return destination.removeprefix(f"{NAME}:")


def read_section(config: Config) -> WebhookTable:
    """Read the section; raise ConfigurationError naming the entry that is wrong."""
    return validated(WebhookTable, config.section(NAME), config.source, NAME)


def read_endpoints(config: Config) -> dict[str, Endpoint]:
    """Read the endpoints of the section."""
    found = {}
    for name, entry in read_section(config).endpoints.items():
        told = EndpointTable(**{field: getattr(entry, field) for field in EndpointTable.model_fields})
        found[name] = Endpoint(name, told, [StoredSecret(value) for value in entry.secret], "file")
    return found


def read_told(**told: Any) -> EndpointTable:
    """Check what somebody says about an endpoint; raise ConfigurationError naming what is wrong."""
    given = {name: value for name, value in told.items() if value is not None}
    return validated(EndpointTable, given, "webhooks", "")


def _stored(row: StoredEndpoint) -> Endpoint | None:
    if row.told is None:
        return None
    try:
        table = EndpointTable.model_validate(row.told)
    except ValidationError as error:
        # Written by a later version, or by hand: the others must not suffer.
        log.warning("endpoint.unreadable", endpoint=row.name, why=explained(error.errors()[0]))
        return None
    return Endpoint(row.name, table, row.secrets, "database", row.disabled, row.added_at, row.removed_at)


def merged(file: Mapping[str, Endpoint], rows: Mapping[str, StoredEndpoint]) -> dict[str, Endpoint]:
    """Join the file's endpoints with those that were added; the file wins, and the database holds the switches."""
    added = {name: endpoint for name, row in rows.items() if (endpoint := _stored(row)) is not None}
    switched = {
        name: replace(known, disabled=rows[name].disabled if name in rows else None) for name, known in file.items()
    }
    return dict(sorted((added | switched).items()))


def present(file: Mapping[str, Endpoint], rows: Mapping[str, StoredEndpoint]) -> dict[str, Endpoint]:
    """Join them, and leave out those that were removed."""
    return {name: endpoint for name, endpoint in merged(file, rows).items() if endpoint.removed_at is None}
