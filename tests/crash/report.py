"""What a matrix came to, as a table and as rows for machines."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.crash.run import Ended
from tests.crash.scenario import Scenario

COLUMNS = ("scenario", "points", "kills", "stops", "not reached", "events", "lost", "twice", "otherwise wrong")


def rows(ended: Sequence[Ended], scenarios: Iterable[Scenario]) -> list[Mapping[str, Any]]:
    """Sum runs up by scenario, and all of them at the end."""
    summed = [
        _row(scenario.name, [one for one in ended if one.scenario == scenario.name], scenario) for scenario in scenarios
    ]
    total = {name: sum(row[name] for row in summed) for name in COLUMNS[1:]}
    return [*(row for row in summed if row["points"]), {"scenario": "all", **total}]


def _row(name: str, ended: Sequence[Ended], scenario: Scenario) -> dict[str, Any]:
    return {
        "scenario": name,
        "points": len(ended),
        "kills": sum(one.reached and one.action == "kill" for one in ended),
        "stops": sum(one.reached and one.action == "stop" for one in ended),
        "not reached": sum(not one.reached for one in ended),
        "events": len(ended) * len(scenario.expected),
        "lost": sum(len(one.judgement.lost) for one in ended),
        "twice": sum(len(one.judgement.twice) for one in ended),
        "otherwise wrong": sum(len(one.judgement.other) for one in ended),
    }


def write(output: Path | None, what: Any) -> None:
    """Write what came of a run for machines, where somebody wants it."""
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        output.write_text(json.dumps(what, indent=2) + "\n")


WIDTH = 130  # where no terminal says another


def show(found: Iterable[Mapping[str, Any]]) -> None:
    """Print rows as a table."""
    Console(width=None if sys.stdout.isatty() else WIDTH).print(_table(found))


def _table(found: Iterable[Mapping[str, Any]]) -> Table:
    drawn = Table(title="Struck, taken over, judged")
    for column in COLUMNS:
        drawn.add_column(column, justify="left" if column == "scenario" else "right")
    for row in found:
        drawn.add_row(*(str(row[column]) for column in COLUMNS))
    return drawn
