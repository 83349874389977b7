"""What a person means when naming something that goes on: a run, a consumer, a destination."""

from dataclasses import dataclass

from telemetry.core.errors import TellonceError

RUN = "run"
KNOWN = "run:<event key> or run:<event key>|<consumer>"
CONSUMER, DESTINATION = "consumer", "destination"
PAUSABLE = f"{KNOWN}, consumer:<name>, or destination:<destination>"


@dataclass(frozen=True, slots=True)
class RunTarget:
    """The run of an event for one consumer, or for each that has one."""

    key: str
    consumer: str | None = None


@dataclass(frozen=True, slots=True)
class KeyTarget:
    """An event."""

    key: str


@dataclass(frozen=True, slots=True)
class ConsumerTarget:
    """A consumer, with all that it is owed and all that waits for it."""

    name: str


@dataclass(frozen=True, slots=True)
class DestinationTarget:
    """A destination, whichever consumer tells it."""

    name: str


Target = RunTarget | KeyTarget
Pausable = RunTarget | ConsumerTarget | DestinationTarget


def read_target(spelt: str) -> Target:
    """Read what is meant; what does not begin with a known kind is an event's key. Raise TellonceError."""
    kind, colon, rest = spelt.partition(":")
    if kind != RUN or not colon:
        return KeyTarget(spelt)
    key, bar, consumer = rest.partition("|")
    if not key or "|" in consumer or bool(bar) != bool(consumer):
        raise TellonceError(f"{spelt!r} names no run: expected {KNOWN}; `tellonce status` lists the open ones")
    return RunTarget(key, consumer or None)


def read_pausable(spelt: str, verb: str) -> Pausable:
    """Read what can be paused, and resumed; raise TellonceError."""
    kind, _, rest = spelt.partition(":")
    if kind == CONSUMER and rest:
        return ConsumerTarget(rest)
    if kind == DESTINATION and all(rest.partition(":")) and "|" not in rest:
        return DestinationTarget(rest)
    match read_target(spelt):
        case RunTarget() as run:
            return run
        case KeyTarget(key):
            raise TellonceError(f"{verb} {key!r}: expected {PAUSABLE}; for the runs of this event say run:{key}")
