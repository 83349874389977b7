"""What `dead` and `parked` show."""

import json
import sys
from contextlib import aclosing
from dataclasses import replace
from typing import Annotated

import typer
from pydantic_core import to_jsonable_python

from telemetry.cli.filters import Consumer, Destination, Kind, Limit, ReasonPart, Since, Until, When
from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, console, count, moment, say, show_json, table
from telemetry.core.delivery import State
from telemetry.ops.standing import Standing, by_present_key, check_names, count_meant, heaps, stream_standing
from telemetry.store.client import Connection
from telemetry.store.selection import Heap, Selection

# How wide a table is, its last row says: a long list is several tables.
ROWS_AT_ONCE = 500

Counted = Annotated[bool, typer.Option("--count", help="Only count, by consumer, destination and reason.")]


def add_listing(app: typer.Typer, state: State, said: str) -> None:
    """Add the verb that lists what stands in a state, under the state's own name."""

    @app.command(state.value, help=said)
    def listing(
        *,
        consumer: Consumer = None,
        destination: Destination = None,
        kind: Kind = None,
        reason: ReasonPart = None,
        since: Since = None,
        until: Until = None,
        counted: Counted = False,
        limit: Limit = 50,
        as_json: AsJson = False,
    ) -> None:
        meant = Selection((state,), destination=destination, consumer=consumer, type=kind, reason=reason)
        _show_standing(meant, since, until, limit, counted=counted, as_json=as_json)


def _show_standing(
    selection: Selection, since: When | None, until: When | None, limit: int, *, counted: bool, as_json: bool
) -> None:
    async def show(connection: Connection) -> None:
        meant = await dated(selection, since, until, connection)
        if counted:
            await _show_heaps(connection, meant, limit, as_json=as_json)
        elif as_json:
            await _write_json(connection, meant, limit)
        else:
            await _show_list(connection, meant, limit)

    answer(show)


async def dated(selection: Selection, since: When | None, until: When | None, connection: Connection) -> Selection:
    """Give a selection with the times that are meant now; raise ConfigurationError for a name there is not."""
    await check_names(connection, selection)
    now = connection.clock.now()
    since_then, until_then = (when.ago(now) if when else None for when in (since, until))
    return replace(await by_present_key(connection, selection), since=since_then, until=until_then)


async def _show_heaps(connection: Connection, selection: Selection, limit: int, *, as_json: bool) -> None:
    found = await heaps(connection, selection, limit)
    if as_json:
        show_json([{"consumer": name, **_heap(heap)} for name, heap in found])
        return
    rows = [(name, heap.destination, heap.reason, f"{heap.number:,}") for name, heap in found]
    columns = ("consumer", "destination", "reason", "deliveries")
    if rows:
        console().print(table(_title(selection), columns, rows, right=("deliveries",)))
    await _say_total(connection, selection, None)


async def _show_list(connection: Connection, selection: Selection, limit: int) -> None:
    shown, title, page = 0, _title(selection), list[Standing]()
    async with aclosing(stream_standing(connection, selection, limit)) as rows:
        async for one in rows:
            page.append(one)
            if len(page) == ROWS_AT_ONCE:
                _print(title, page)
                shown, title, page = shown + len(page), "", []
    if page:
        _print(title, page)
    await _say_total(connection, selection, shown + len(page))


def _print(title: str, page: list[Standing]) -> None:
    rows = [
        (one.consumer, one.delivery.id, moment(one.delivery.since), one.delivery.failures, one.delivery.reason or "")
        for one in page
    ]
    console().print(table(title, ("consumer", "delivery", "since", "failures", "reason"), rows))


async def _say_total(connection: Connection, selection: Selection, shown: int | None) -> None:
    (state,) = selection.states
    counts = await count_meant(connection, selection)
    if not counts:
        say(f"nothing is {state}{_where(selection)}")
        return
    total = count(sum(counts.values()), "delivery", "deliveries")
    told = ", ".join(f"{name} {number:,}" for name, number in counts.items())
    say(f"{'' if shown is None else f'{shown:,} of '}{total} {state} in all: {told}")
    say(f"mend the cause, then: tellonce retry DELIVERY, or tellonce retry --{state} with the same filters")


async def _write_json(connection: Connection, selection: Selection, limit: int) -> None:
    # Written as it is read: a list of everything might not fit in memory.
    separator = "["
    async with aclosing(stream_standing(connection, selection, limit)) as rows:
        async for one in rows:
            sys.stdout.write(f"{separator}\n{json.dumps(to_jsonable_python(_plain(one)), ensure_ascii=False)}")
            separator = ","
    sys.stdout.write("[]\n" if separator == "[" else "\n]\n")


def _title(selection: Selection) -> str:
    (state,) = selection.states
    return state.capitalize()


def _where(selection: Selection) -> str:
    if selection == Selection(selection.states, destination=selection.destination):
        return f" for {selection.destination}" if selection.destination else ""
    return " of what is meant"


def _plain(one: Standing) -> dict[str, object]:
    row = one.delivery
    names = ("destination", "state", "reason", "failures", "generation", "since", "body")
    return {"consumer": one.consumer, "delivery": row.id, "event": row.event} | {
        name: getattr(row, name) for name in names
    }


def _heap(heap: Heap) -> dict[str, object]:
    return {name: getattr(heap, name) for name in ("destination", "reason", "number")}
