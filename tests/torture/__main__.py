"""`python -m tests.torture`: minutes of trouble by a seed; exit 1 when anything was lost or told twice."""

import asyncio
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.crash.report import write
from tests.torture.torture import Outcome, Torture

SHOWN = 10


def torture(
    minutes: Annotated[float, typer.Option(help="How long producers send and the nemesis acts.")] = 5,
    seed: Annotated[int, typer.Option(help="What the plan follows from.")] = 1,
    rate: Annotated[float, typer.Option(help="Events a second, as far as they are answered.")] = 50,
    without: Annotated[str, typer.Option(help="A safeguard to take out of the daemons.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="Do not tell each act.")] = False,
    output: Annotated[Path | None, typer.Option("--json", help="Write what came of it there.")] = None,
) -> None:
    """Let producers send and everything break; then heal, drain, and judge."""
    screen = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=screen, disable=not screen.is_terminal) as bar:
        task = bar.add_task(f"seed {seed}", total=minutes * 60)

        def say(what: str) -> None:
            moment = what.split(" s  ", maxsplit=1)[0].strip()
            bar.update(task, completed=float(moment) if moment.replace(".", "").isdigit() else minutes * 60)
            if not quiet:
                bar.console.print(what, highlight=False)

        outcome = asyncio.run(Torture(seed, minutes * 60, rate, say, without).run())
    Console().print(_table(outcome))
    wrong = outcome.judgement
    for kind, found in (("lost", wrong.lost), ("twice", wrong.twice), ("wrong", wrong.other)):
        for what in found[:SHOWN]:
            screen.print(f"{kind}: {what}", highlight=False)
    write(output, asdict(outcome) | asdict(wrong) | {"holds": wrong.holds})
    if not wrong.holds:
        screen.print(f"again: make torture MINUTES={minutes:g} SEED={seed}")
    raise typer.Exit(not wrong.holds)


def _table(outcome: Outcome) -> Table:
    drawn = Table("", "figure", title=f"Torture on {outcome.server}", show_header=False)
    acts = ", ".join(f"{kind} {times}" for kind, times in outcome.acts.items())
    for name, figure in {
        "seed": outcome.seed,
        "seconds": outcome.seconds,
        "events": outcome.events,
        "answers": ", ".join(f"{status} {times}" for status, times in outcome.told.items()),
        "batches sent again": outcome.sent_again,
        "acts": acts,
        "daemons killed": outcome.kills,
        "lost": len(outcome.judgement.lost),
        "twice": len(outcome.judgement.twice),
        "otherwise wrong": len(outcome.judgement.other),
    }.items():
        drawn.add_row(name, str(figure))
    return drawn


if __name__ == "__main__":
    typer.run(torture)
