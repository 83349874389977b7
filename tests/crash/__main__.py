"""`python -m tests.crash`: strike at every place, or at some of them; exit 1 when anything was lost or told twice."""

import asyncio
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.crash.ground import open_ground
from tests.crash.matrix import Matrix, Trial, sample
from tests.crash.report import rows, show, write
from tests.crash.run import Ended
from tests.crash.safeguards import HUNTS, hunt
from tests.crash.scenarios import SCENARIOS
from tests.crash.servers import server_of

console = Console(stderr=True)
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
Output = Annotated[Path | None, typer.Option("--json", help="Write what came of it there.")]


@app.command()
def matrix(
    scenario: Annotated[str, typer.Option(help="Only scenarios that have this in their name.")] = "",
    place: Annotated[str, typer.Option(help="Only the places that have this in their name.")] = "",
    number: Annotated[int, typer.Option("--sample", help="Only so many of each scenario's points; 0: all.")] = 0,
    seed: Annotated[int, typer.Option(help="Which ones.")] = 1,
    output: Output = None,
) -> None:
    """Strike a daemon at every message it exchanges, on both sides of it, and judge the world each time."""
    chosen = [one for one in SCENARIOS if scenario in one.name]
    server, ended = asyncio.run(_matrix(chosen, place, number, seed))
    found = rows(ended, chosen)
    show(found)
    typer.echo(f"on {server}")
    wrong = [one for one in ended if not one.judgement.holds]
    for one in wrong:
        console.print(f"{one}\n  again: python -m tests.crash matrix --scenario '{one.scenario}' --place '{one.place}'")
    write(output, {"server": server, "rows": found, "missed": [str(one) for one in ended if not one.reached]})
    raise typer.Exit(bool(wrong))


@app.command()
def safeguards(output: Output = None) -> None:
    """Take each safeguard out of the daemons, and see whether the matrix notices."""
    found = asyncio.run(_safeguards())
    told = [{"safeguard": one.hunt.safeguard, "runs": one.runs, "found": one.told} for one in found]
    for row in told:
        typer.echo(f"without {row['safeguard']}: {row['found']}")
    write(output, told)
    raise typer.Exit(any(one.first is None for one in found))


async def _matrix(chosen: list[Any], place: str, number: int, seed: int) -> tuple[str, list[Ended]]:
    async with open_ground() as ground:
        struck = Matrix(ground)
        trials: list[Trial] = []
        for scenario in chosen:
            found = [trial for trial in await struck.trials(scenario) if place in str(trial.place)]
            trials += sample(found, number, seed) if number else found
        with _bar() as bar:
            task = bar.add_task("points", total=len(trials))
            ended = []
            async for one in struck.strike(trials):
                ended.append(one)
                bar.advance(task)
                if not one.judgement.holds:
                    bar.console.print(str(one))
        return await server_of(ground.client), ended


async def _safeguards() -> list[Any]:
    async with open_ground() as ground:
        with _bar() as bar:
            task = bar.add_task("safeguards", total=len(HUNTS))
            found = []
            for wanted in HUNTS:
                found.append(await hunt(ground, wanted))
                bar.advance(task)
            return found


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, disable=not console.is_terminal)


if __name__ == "__main__":
    app()
