"""Signatures as Standard Webhooks has them: over id, time and body, with every secret in use."""

from collections.abc import Sequence
from datetime import datetime

from standardwebhooks.webhooks import Webhook


def signed(message: str, at: datetime, text: str, secrets: Sequence[str]) -> dict[str, str]:
    """Make the headers that prove who sent a body; while a secret is rotated, each of the two signs."""
    return {
        "webhook-id": message,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(secret).sign(message, at, text) for secret in secrets),
    }
