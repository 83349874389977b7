"""What an endpoint's answer means for the delivery it was about. Pure: no request is made here."""

from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from telemetry.core.answer import Answer, NoAnswer
from telemetry.core.outcome import Delivered, Outcome, Parked, Retry, Unknown

SHOWN = 200


# They ask for a pause: the message itself has not been judged (RFC 9110, section 15.6; RFC 6585, section 4).
BUSY = frozenset(
    {
        HTTPStatus.TOO_MANY_REQUESTS,
        HTTPStatus.BAD_GATEWAY,
        HTTPStatus.SERVICE_UNAVAILABLE,
        HTTPStatus.GATEWAY_TIMEOUT,
    }
)


def judge(answer: Answer | NoAnswer, now: datetime) -> Outcome:
    """Say what an answer means; whatever is no success may become one, but for 410."""
    if isinstance(answer, NoAnswer):
        return Retry(answer.reason) if answer.certain else Unknown(answer.reason)
    if 200 <= answer.status < 300:  # noqa: PLR2004 - success, as HTTP has it
        return Delivered({"status": answer.status})
    if answer.status == HTTPStatus.GONE:
        return Parked("it answered 410: it wants to hear no more")
    after = retry_after(answer.headers.get("Retry-After"), now)
    if answer.status in BUSY:
        return Retry(f"it answered {answer.status}{_shown(answer.body)}", after, costs=False)
    if 300 <= answer.status < 400:  # noqa: PLR2004 - redirects
        return Retry(f"it answered {answer.status}: redirects are not followed", after)
    return Retry(f"it answered {answer.status}{_shown(answer.body)}", after)


def retry_after(header: str | None, now: datetime) -> float | None:
    """Read how many seconds to wait, said as a number or as a date (RFC 9110, section 10.2.3)."""
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        return max((parsedate_to_datetime(text) - now).total_seconds(), 0.0)
    except (TypeError, ValueError):
        return None


def _shown(body: bytes) -> str:
    text = body[:SHOWN].decode("utf-8", "replace").strip()
    return f": {text}" if text else ""
