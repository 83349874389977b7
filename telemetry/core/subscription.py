"""Which event types somebody wants: a list of them, or every one."""

from collections.abc import Collection, Iterable

EVERY_TYPE = "*"
# Types of our own events: who wants every fact does not ask for news of the plumbing.
OWN = "tellonce."


def covers(wanted: Collection[str], event_type: str) -> bool:
    """Say whether a list of types takes in a type; only "*" takes in "*", and it takes in none of our own."""
    return event_type in wanted or (EVERY_TYPE in wanted and not event_type.startswith(OWN))


def without_policy(entry: str, wanted: Iterable[str], known: Collection[str]) -> list[str]:
    """Warn, a line each, of types that an entry of the file wants and that have no key policy."""
    return [
        f"{entry}: type {event_type!r} has no key policy; without [types.{event_type}] its events need an insert_id"
        ", unless a handler emits them"
        for event_type in wanted
        if event_type != EVERY_TYPE and not event_type.startswith(OWN) and event_type not in known
    ]
