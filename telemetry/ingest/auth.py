"""Who is submitting: the name of the key that a request carries."""

import hmac
from collections.abc import Mapping

from pydantic import SecretStr

from telemetry.ingest.refusal import Refusal

OPEN = "open"
SCHEME = "bearer "


def source_of(authorization: str | None, keys: Mapping[str, SecretStr]) -> str:
    """Name the source of a request; raise Refusal where it carries no known key. Without keys all is open."""
    if not keys:
        return OPEN
    header = authorization or ""
    offered = header[len(SCHEME) :].strip().encode() if header.lower().startswith(SCHEME) else b""
    # Every key is compared, and in constant time: how long it takes tells nothing about any.
    known = [name for name, secret in keys.items() if hmac.compare_digest(offered, secret.get_secret_value().encode())]
    if not known:
        raise Refusal(401, "Authorization: expected `Bearer` and a key of this ingest", {"WWW-Authenticate": "Bearer"})
    return known[0]
