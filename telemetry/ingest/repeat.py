"""What a submission comes to whose key is taken: a repeat, a contradiction, or a revision of what is untold. Pure."""

from telemetry.core.canonical import differing
from telemetry.core.event import Event
from telemetry.core.warning import Kind
from telemetry.ingest.accept import Result, Status


def revises(first: Event, repeated: Event) -> bool:
    """Say whether an event is to take the place of the one that is stored, which is not told yet."""
    return _rank(repeated) > _rank(first) and first.must_fire


def judge(first: Event, repeated: Event) -> Result:
    """Say what an event is beside the one that holds its key, where it does not revise that."""
    if _rank(repeated) > _rank(first):
        told = "it is told at once" if first.fired is None else f"revision {first.fired} is told"
        return _answer("too_late", first, f"{told}, and cannot be revised any more")
    if _rank(repeated) < _rank(first):
        return _answer("superseded", first, f"revision {first.revision} stands")
    if first.digest == repeated.digest:
        return Result("duplicate", first.key, first_received_at=first.received_at, note=_cancelled(first))
    differs = tuple(_differing(first, repeated))
    error = (
        f"another body is stored under this key since {first.received_at.isoformat()}, and it stands; "
        f"different: {', '.join(differs)}"
    )
    return Result("conflict", first.key, error, first.received_at, differs, warns=Kind.CONFLICT)


def _rank(event: Event) -> int:
    return event.revision or 0


def _answer(status: Status, first: Event, error: str) -> Result:
    return Result(status, first.key, error, first.received_at)


def _cancelled(event: Event) -> str | None:
    return "it is cancelled; a higher revision opens it again" if event.cancelled else None


def _differing(first: Event, repeated: Event) -> list[str]:
    tops = [name for name in ("type", "distinct_id", "deliver_at") if getattr(first, name) != getattr(repeated, name)]
    return tops + [f"properties.{name}" for name in differing(first.properties, repeated.properties)]
