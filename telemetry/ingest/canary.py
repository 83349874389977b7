"""Who may send canaries: whoever shows a ticket that `tellonce canary` has put in the database, while it is good.

A field of the event and no header: an ingest of a former version refuses what it does not know, and so takes
no canary for a fact.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping

from telemetry.core.canary import as_canary
from telemetry.core.errors import InvalidEventError
from telemetry.core.event import Event

# Says where those of some tickets lead that are good.
Tickets = Callable[[Collection[str]], Awaitable[Mapping[str, str]]]


def admitted(event: Event, ticket: str | None, good: Mapping[str, str]) -> Event:
    """Give an event as it is stored: a canary where it shows a ticket; raise InvalidEventError for a bad one."""
    if ticket is None:
        return event
    if ticket not in good:
        raise InvalidEventError("canary: expected a ticket of `tellonce canary` that is good now; facts have none")
    return as_canary(event, good[ticket])
