"""Setting and removing audiences: all of it or nothing, whoever else is at it."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from telemetry.core.audience import check_no_cycle, nested_in, no_such_audience
from telemetry.core.consumer import Consumer
from telemetry.core.errors import ConfigurationError, TellonceError, UnavailableError
from telemetry.ops.sorting import AT_ONCE, in_order, pages
from telemetry.store.audiences import Audience, Audiences
from telemetry.store.client import Connection
from telemetry.store.drafts import Draft, Drafts

PAGE = 500
MOST_NESTED = 1000


@dataclass(frozen=True, slots=True)
class Put:
    """What a setting came to."""

    name: str
    version: int
    count: int
    includes: Sequence[str]
    duplicates: int  # lines that said again what another one says


class Gathered:
    """Members as they were given: destinations in order and each once, and the audiences among them."""

    def __init__(self, members: Iterable[str], room: ExitStack, at_once: int = AT_ONCE) -> None:
        """Read members to their end, keeping on disk what memory should not hold, until the room is left."""
        self.given = 0
        self._nested = set[str]()
        self.destinations = in_order(self._sifted(members), room, at_once)

    @property
    def nested(self) -> list[str]:
        """The names of the audiences."""
        return sorted(self._nested)

    def _sifted(self, members: Iterable[str]) -> Iterator[str]:
        for member in members:
            self.given += 1
            nested = nested_in(member)
            if nested is None:
                yield member
                continue
            self._nested.add(nested)
            if len(self._nested) > MOST_NESTED:
                raise ConfigurationError(f"expected at most {MOST_NESTED:,} audiences in one")


async def put(
    connection: Connection,
    name: str,
    members: Gathered,
    *,
    may_be_empty: bool = False,
    written: Callable[[int], None] = lambda _: None,
) -> Put:
    """Make an audience what is given, at once for all who resolve it from then on; or change nothing and raise.

    Raises ConfigurationError where it includes one that is not there, or itself, and TellonceError where another
    setting began meanwhile.
    """
    drafts, nested = Drafts(connection), members.nested
    if not members.given and not may_be_empty:
        raise ConfigurationError(f"audience {name!r}: expected at least one member; `--empty` if none is meant")
    await _check_nested(connection, drafts, name, nested)
    draft = await drafts.begin(name)
    count = await _write(drafts, draft, members.destinations, written)
    try:
        await _publish(connection, drafts, draft, count, nested)
    except UnavailableError:
        # It may be published by now: should it not be, the next setting cleans.
        raise
    except TellonceError:
        await drafts.discard(draft)
        raise
    # Published is published: killed here, the next setting cleans.
    await drafts.clean(draft)
    return Put(name, draft.version, count, nested, members.given - count - len(nested))


async def _write(drafts: Drafts, draft: Draft, ordered: Iterator[str], written: Callable[[int], None]) -> int:
    count = 0
    for page in pages(ordered, PAGE):
        await drafts.add(draft, page)
        count += len(page)
        written(count)
    return count


async def _publish(connection: Connection, drafts: Drafts, draft: Draft, count: int, nested: Sequence[str]) -> None:
    if nested:
        # Said before the others are read: of two that would close a cycle between them, one sees the other.
        await drafts.mean(draft, nested)
        await _check_nested(connection, drafts, draft.name, nested)
    if not await drafts.publish(draft, count, nested):
        raise TellonceError(
            f"audience {draft.name!r}: it was set anew or removed meanwhile, so this setting changed nothing; "
            "`tellonce audience show` shows what holds"
        )


async def _check_nested(connection: Connection, drafts: Drafts, name: str, nested: Sequence[str]) -> None:
    check_no_cycle(name, await drafts.includes(nested) | {name: list(nested)})
    known = await Audiences(connection).reach(nested)
    for other in nested:
        if other not in known:
            raise ConfigurationError(no_such_audience(other))


async def find(connection: Connection, name: str) -> Audience:
    """Read an audience; raise ConfigurationError where there is none."""
    found = await Audiences(connection).reach([name])
    if name not in found:
        raise ConfigurationError(no_such_audience(name))
    return found[name]


async def find_removable(connection: Connection, name: str) -> Audience:
    """Read an audience; raise TellonceError while another includes it."""
    audience = await find(connection, name)
    if holders := await Audiences(connection).holders(name):
        raise TellonceError(f"audience {name!r}: {', '.join(holders)} includes it; set that without it first")
    return audience


async def remove(connection: Connection, audience: Audience) -> None:
    """Remove an audience as it was read; raise TellonceError, changing nothing, while another includes it."""
    if audience != await find_removable(connection, audience.name) or not await Audiences(connection).remove(audience):
        raise TellonceError(f"audience {audience.name!r}: it was changed meanwhile; look at it again")


def named(consumers: Iterable[Consumer]) -> dict[str, list[str]]:
    """Say which entries of the file name an audience, by its name."""
    found: dict[str, list[str]] = {}
    for consumer in consumers:
        for entry, names in getattr(consumer, "audiences", dict)().items():
            for name in names:
                found.setdefault(name, []).append(entry)
    return found
