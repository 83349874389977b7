"""Which deliveries are meant: what the verbs about many of them are told in common."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from telemetry.core.clock import EPOCH
from telemetry.runtime.span import read_span

LAST_YEAR = 9999
EXPECTED = "expected a span as in 30m, 2h or 7d, or a time as in 2026-01-31T12:00:00Z"


@dataclass(frozen=True, slots=True)
class When:
    """A time, or a span that ends or begins now."""

    at: datetime | None = None
    span: timedelta = timedelta()

    def ago(self, now: datetime) -> datetime:
        """Give the time, or how it was so long ago."""
        return self.at or now - self.span

    def ahead(self, now: datetime) -> datetime:
        """Give the time, or what it will be after so long."""
        return self.at or now + self.span


def read_when(text: str | When) -> When:
    """Read a span or a time; raise BadParameter for any other text."""
    if isinstance(text, When):
        return text
    with suppress(ValueError):
        return When(span=read_span(text))
    try:
        return When(read_time(text))
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {EXPECTED}") from error


def read_time(text: str) -> datetime:
    """Read a time, of UTC unless it says otherwise; raise ValueError for any other text, and for one far away."""
    at = datetime.fromisoformat(text)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    # What is reckoned with it, a margin or another zone, must be a time too.
    if not EPOCH.year <= at.year < LAST_YEAR:
        raise ValueError(text)
    return at.astimezone(UTC)


def read_destination(text: str) -> str:
    """Read a destination; raise BadParameter for what can be none."""
    if not all(text.partition(":")) or "|" in text:
        raise typer.BadParameter(f"{text!r}: expected a destination as in discord:1122334455")
    return text


Consumer = Annotated[str | None, typer.Option(help="Only this consumer's.")]
Destination = Annotated[
    str | None,
    typer.Option(parser=read_destination, metavar="TEXT", help="Only for this destination, as in discord:1122334455."),
]
Kind = Annotated[str | None, typer.Option("--type", help="Only of events of this type.")]
Since = Annotated[When | None, typer.Option(parser=read_when, metavar="WHEN", help="Only what stands since then.")]
Until = Annotated[When | None, typer.Option(parser=read_when, metavar="WHEN", help="Only what stood before then.")]
ReasonPart = Annotated[str | None, typer.Option("--reason", help="Only where the reason holds this text.")]
Limit = Annotated[int, typer.Option(min=1, help="Show at most this many.")]
Rate = Annotated[float, typer.Option(min=0.1, max=100_000, help="At most so many deliveries a second.")]
End = Annotated[When | None, typer.Option("--until", parser=read_when, metavar="WHEN", help="It ends then by itself.")]
