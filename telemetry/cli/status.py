"""`tellonce status`: how things stand."""

from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, age, console, moment, say, show_json, table
from telemetry.cli.runs import runs_table, show_progress
from telemetry.cli.sources import sources_table
from telemetry.core.warning import Warned
from telemetry.ops.status import ChannelStatus, ConsumerStatus, Status, read_status

WARNINGS_SHOWN = 10


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def status(
        key: Annotated[str | None, typer.Argument(help="An event's key: show its runs alone.")] = None,
        *,
        watch: Annotated[bool, typer.Option("--watch", help="Go on until its runs are over.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Show what is owed, what waits, and what stands in the way; or how far the runs of one event are."""
        if key is not None:
            show_progress(key, watch=watch, as_json=as_json)
            return
        if watch:
            raise typer.BadParameter("--watch needs the key of an event that has a run")
        found = answer(read_status)
        if as_json:
            show_json(found)
        else:
            _show(found)


def _show(found: Status) -> None:
    watcher = f"{found.watcher.holder}, epoch {found.watcher.epoch}" if found.watcher else "none is active"
    say(f"events   about {found.events:,}\nwatcher  {watcher}")
    numbers = ("owed", "later", "held", "pending", "in flight", "dead", "parked")
    columns = ("consumer", "registered since", "owed", "oldest owed", *numbers[1:])
    console().print(table("Consumers", columns, [_consumer(row, found) for row in found.consumers], right=numbers))
    if found.channels:
        names = ("channel", "held by", "in flight", "blocked")
        console().print(table("Discord channels", names, map(_channel, found.channels), right=("in flight",)))
    if found.runs:
        console().print(runs_table("Open runs", found.runs))
    if found.sources:
        console().print(sources_table(found.sources))
    if found.warnings:
        _warn(found.warnings)


def _warn(found: Sequence[Warned]) -> None:
    columns = ("kind", "type", "count", "since", "last", "the last one")
    rows = [
        (row.kind, row.type, f"{row.count:,}", moment(row.since), moment(row.last), f"{row.source}: {row.sample}")
        for row in found[:WARNINGS_SHOWN]
    ]
    console().print(table("Warnings of ingest", columns, rows, right=("count",)))
    if len(found) > WARNINGS_SHOWN:
        say(f"{WARNINGS_SHOWN} of {len(found)} warnings; `tellonce status --json` has them all")


def _consumer(row: ConsumerStatus, found: Status) -> list[object]:
    since = moment(row.since) if row.since else "not registered"
    oldest = age(found.now - row.oldest_owed) if row.oldest_owed else ""
    return [
        f"{row.name} (paused)" if row.paused else row.name,
        since,
        f"{row.owed:,}",
        oldest,
        f"{row.later:,}",
        f"{row.held:,}",
        f"{row.pending:,}",
        f"{row.in_flight:,}",
        _alarming(row.dead),
        _alarming(row.parked),
    ]


def _channel(row: ChannelStatus) -> list[object]:
    blocked = f"{row.block.reason}; tried again at {moment(row.block.until)}" if row.block else ""
    return [row.id, row.holder if row.held else "", str(row.in_flight), Text(blocked, style="red")]


def _alarming(number: int) -> Text:
    return Text(f"{number:,}", style="red" if number else "")
