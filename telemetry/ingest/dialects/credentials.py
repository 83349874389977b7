"""The credential in the head of a request, as HTTP has it."""

from base64 import b64decode

from telemetry.ingest.dialects.dialect import Head

NOBODY = ("", "")


def bearer(head: Head) -> str | None:
    """Give the token of `Authorization: Bearer`; nothing where the request has no such header."""
    scheme, _, token = _authorization(head)
    return token.strip() if scheme.lower() == "bearer" else None


def basic(head: Head) -> tuple[str, str] | None:
    """Give user and password of `Authorization: Basic`; nothing where the request has no such header."""
    scheme, _, coded = _authorization(head)
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = b64decode(coded.strip(), validate=True).decode().partition(":")
    except ValueError:
        # Neither can be a key: this is refused where keys are asked for.
        return NOBODY
    return user, password


def _authorization(head: Head) -> tuple[str, str, str]:
    return head.headers.get("authorization", "").partition(" ")
