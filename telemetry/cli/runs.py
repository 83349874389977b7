"""How runs are shown: a table, a bar on a terminal, a line for each change elsewhere."""

from collections.abc import AsyncIterator, Sequence

import anyio
import typer
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bars
from rich.table import Table

from telemetry.cli.opening import answer, opened
from telemetry.cli.printing import console, mistake, moment, say, show_json, table
from telemetry.ops.progress import Progress, progress_of

LOOK_EVERY = 1.0
NUMBERS = ("total", "delivered", "waiting", "on their way", "dead", "parked", "skipped", "a minute")


def show_progress(key: str, *, watch: bool, as_json: bool) -> None:
    """Show how far the runs of an event are; exit 1 where it has none."""
    found = answer(lambda connection: progress_of(connection, key))
    if not found:
        mistake(f"{key}: it has no run; `tellonce explain '{key}'` tells how its deliveries stand")
        raise typer.Exit(1)
    if watch:
        anyio.run(_watch, key)
        found = answer(lambda connection: progress_of(connection, key))
    if as_json:
        show_json(found)
    else:
        console().print(runs_table(f"Runs of {key}", found))


def runs_table(title: str, runs: Sequence[Progress]) -> Table:
    """Make a table of runs."""
    columns = ("run", "account", "state", *NUMBERS, "should end")
    return table(title, columns, map(_row, runs), right=NUMBERS)


def _row(run: Progress) -> list[object]:
    said = f"{run.state} ({run.cancelled_by}{f': {run.reason}' if run.reason else ''})"
    numbers = (run.delivered, run.waiting, run.on_their_way, run.dead, run.parked, run.skipped)
    return [
        f"run:{run.run}",
        run.account,
        said if run.cancelled_by else run.state,
        f"{run.total:,}" if run.total is not None else f"{run.offered:,}+",
        *(f"{number:,}" for number in numbers),
        "" if run.rate is None else f"{run.rate:g}",
        moment(run.ends_at),
    ]


async def _watch(key: str) -> None:
    screen = console(error=True)
    if not screen.is_terminal:
        said: dict[str, str] = {}
        async for run in _changes(key):
            if said.get(run.run) != run.line:
                say(run.line, error=True)
                said[run.run] = run.line
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[told]}"))
    with Bars(*columns, console=screen, transient=True) as bars:
        tasks = {}
        async for run in _changes(key):
            if run.run not in tasks:
                tasks[run.run] = bars.add_task(f"run:{run.run}", told="")
            bars.update(tasks[run.run], completed=run.done, total=run.total or run.offered, told=_told(run))


async def _changes(key: str) -> AsyncIterator[Progress]:
    """Give the runs of an event again and again, until all are over."""
    async with opened() as connection:
        while True:
            found = await progress_of(connection, key)
            for run in found:
                yield run
            if all(run.is_over for run in found):
                return
            await anyio.sleep(LOOK_EVERY)


def _told(run: Progress) -> str:
    return f"{run.state}, should end {moment(run.ends_at)}" if run.ends_at else str(run.state)
