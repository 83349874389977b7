"""Which deliveries are meant: what the verbs about many of them are told in common."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from telemetry.runtime.span import read_span

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
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: {EXPECTED}") from error
    return When(at if at.tzinfo else at.replace(tzinfo=UTC))


Consumer = Annotated[str | None, typer.Option(help="Only this consumer's.")]
Destination = Annotated[str | None, typer.Option(help="Only for this destination, as in discord:1122334455.")]
Kind = Annotated[str | None, typer.Option("--type", help="Only of events of this type.")]
Since = Annotated[When | None, typer.Option(parser=read_when, metavar="WHEN", help="Only what stands since then.")]
Until = Annotated[When | None, typer.Option(parser=read_when, metavar="WHEN", help="Only what stood before then.")]
ReasonPart = Annotated[str | None, typer.Option("--reason", help="Only where the reason holds this text.")]
Limit = Annotated[int, typer.Option(min=1, help="Show at most this many.")]
Rate = Annotated[float, typer.Option(min=0.1, help="At most so many deliveries a second.")]
End = Annotated[When | None, typer.Option("--until", parser=read_when, metavar="WHEN", help="It ends then by itself.")]
