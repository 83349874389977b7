"""`python -m tests.crash`: strike at every place, or at some of them; exit 1 when anything was lost or told twice."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.crash.ground import open_ground
from tests.crash.matrix import Matrix, Trial, sample
from tests.crash.report import Report, read, show, write
from tests.crash.run import Ended
from tests.crash.safeguards import HUNTS, hunt
from tests.crash.scenario import Scenario
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
    go_on: Annotated[bool, typer.Option("--go-on", help="Leave out the scenarios that the --json has by now.")] = False,
) -> None:
    """Strike a daemon at every message it exchanges, on both sides of it, and judge the world each time."""
    report = read(output) if go_on else Report()
    chosen = [one for one in SCENARIOS if scenario in one.name and not report.has(one)]
    wrong = asyncio.run(_matrix(chosen, place, number, seed, report, output))
    show(report.rows)
    typer.echo(f"on {report.server}")
    for one in wrong:
        console.print(f"{one}\n  again: python -m tests.crash matrix --scenario '{one.scenario}' --place '{one.place}'")
    raise typer.Exit(not report.holds)


@app.command()
def safeguards(output: Output = None) -> None:
    """Take each safeguard out of the daemons, and see whether the matrix notices."""
    found = asyncio.run(_safeguards())
    told = [{"safeguard": one.hunt.safeguard, "runs": one.runs, "found": one.told} for one in found]
    for row in told:
        typer.echo(f"without {row['safeguard']}: {row['found']}")
    write(output, told)
    raise typer.Exit(any(one.first is None for one in found))


async def _matrix(
    chosen: Sequence[Scenario], place: str, number: int, seed: int, report: Report, output: Path | None
) -> list[Ended]:
    """Run it, and write after each scenario what has come of it: it takes hours."""
    wrong: list[Ended] = []
    async with open_ground() as ground:
        report.server = await server_of(ground.client)
        struck = Matrix(ground)
        stories: list[tuple[Scenario, list[Trial]]] = []
        for scenario in chosen:
            found = [trial for trial in await struck.trials(scenario) if place in str(trial.place)]
            stories.append((scenario, sample(found, number, seed) if number else found))
        with _bar() as bar:
            task = bar.add_task("points", total=sum(len(trials) for _, trials in stories))
            for scenario, trials in stories:
                ended = []
                async for one in struck.strike(trials):
                    ended.append(one)
                    bar.advance(task)
                    if not one.judgement.holds:
                        bar.console.print(str(one))
                        wrong.append(one)
                report.add(scenario, ended)
                write(output, report.plain())
    return wrong


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
