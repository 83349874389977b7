"""Which event types somebody wants: a list of them, or every one."""

from collections.abc import Collection, Iterable

EVERY_TYPE = "*"


def covers(wanted: Collection[str], event_type: str) -> bool:
    """Say whether a list of types takes in a type; only "*" takes in "*"."""
    return EVERY_TYPE in wanted or event_type in wanted


def without_policy(entry: str, wanted: Iterable[str], known: Collection[str]) -> list[str]:
    """Warn, a line each, of types that an entry of the file wants and that have no key policy."""
    return [
        f"{entry}: type {event_type!r} has no key policy; without [types.{event_type}] its events need an insert_id"
        for event_type in wanted
        if event_type != EVERY_TYPE and event_type not in known
    ]
