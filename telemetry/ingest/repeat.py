"""What a submission comes to whose key is taken: a repeat, a contradiction, or a revision of what is untold. Pure."""

from collections.abc import Mapping
from dataclasses import replace

from telemetry.core.canonical import differing
from telemetry.core.event import Event
from telemetry.core.warning import Kind
from telemetry.ingest.accept import Result, Status

ERASED = "its person was forgotten: it is told no more"
# What a client says of itself. Another version of it, or the same on another machine, reports the same fact.
OF_CLIENT = frozenset(
    {"$lib", "$lib_version", "mp_lib", "$os_version", "$os_distro", "$python_runtime", "$python_version"}
)
CONTEXT, LIBRARY = "$context", "library"


def revises(first: Event, repeated: Event) -> bool:
    """Say whether an event is to take the place of the one that is stored, which is not told yet."""
    return _rank(repeated) > _rank(first) and first.must_fire


def judge(first: Event, repeated: Event) -> Result:
    """Say what an event is beside the one that holds its key, where it does not revise that."""
    if first.erased is not None:
        return Result("duplicate", repeated.key, first_received_at=first.received_at, note=ERASED)
    if _rank(repeated) > _rank(first):
        told = "it is told at once" if first.fired is None else f"revision {first.fired} is told"
        return _answer("too_late", first, f"{told}, and cannot be revised any more")
    if _rank(repeated) < _rank(first):
        return _answer("superseded", first, f"revision {first.revision} stands")
    same = first.digest == repeated.digest
    differs = () if same else tuple(_differing(first, repeated))
    # Where nothing differs that is known, something does that is not: its properties may be gone.
    if same or (differs and not _differing(_of_fact(first), _of_fact(repeated))):
        return Result("duplicate", first.key, first_received_at=first.received_at, note=_cancelled(first))
    named = f"different: {', '.join(differs)}" if differs else "where it differs is not known"
    error = f"another body is stored under this key since {first.received_at.isoformat()}, and it stands; {named}"
    if first.scrubbed is not None:
        error += "; its properties were removed in time"
    return Result("conflict", first.key, error, first.received_at, differs, warns=Kind.CONFLICT)


def _rank(event: Event) -> int:
    return event.revision or 0


def _answer(status: Status, first: Event, error: str) -> Result:
    return Result(status, first.key, error, first.received_at)


def _cancelled(event: Event) -> str | None:
    return "it is cancelled; a higher revision opens it again" if event.cancelled else None


def _of_fact(event: Event) -> Event:
    kept = {name: value for name, value in event.properties.items() if name not in OF_CLIENT}
    if isinstance(context := kept.get(CONTEXT), Mapping):
        kept[CONTEXT] = {name: value for name, value in context.items() if name != LIBRARY}
    return replace(event, properties=kept)


def _differing(first: Event, repeated: Event) -> list[str]:
    tops = [name for name in ("type", "distinct_id", "deliver_at") if getattr(first, name) != getattr(repeated, name)]
    if first.scrubbed is not None:
        return tops
    return tops + [f"properties.{name}" for name in differing(first.properties, repeated.properties)]
