"""What a person means when naming something that goes on: `run:<event key>`, and what other verbs add."""

from dataclasses import dataclass

from telemetry.core.errors import TellonceError

RUN = "run"
KNOWN = "run:<event key> or run:<event key>|<consumer>"


@dataclass(frozen=True, slots=True)
class RunTarget:
    """The run of an event for one consumer, or for each that has one."""

    key: str
    consumer: str | None = None


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """An event."""

    key: str


Target = RunTarget | KeyTarget


def read_target(spelt: str) -> Target:
    """Read what is meant; what does not begin with a known kind is an event's key. Raise TellonceError."""
    kind, colon, rest = spelt.partition(":")
    if kind != RUN or not colon:
        return KeyTarget(spelt)
    key, bar, consumer = rest.partition("|")
    if not key or "|" in consumer or bool(bar) != bool(consumer):
        raise TellonceError(f"{spelt!r} names no run: expected {KNOWN}; `tellonce status` lists the open ones")
    return RunTarget(key, consumer or None)


def read_run(spelt: str, verb: str) -> RunTarget:
    """Read a run for a verb that knows nothing else; raise TellonceError."""
    match read_target(spelt):
        case RunTarget() as run:
            return run
        case KeyTarget(key):
            raise TellonceError(f"{verb} {key!r}: expected {KNOWN}; for the runs of this event say run:{key}")
