"""What a matrix came to, as a table and as rows for machines."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.crash.run import Ended
from tests.crash.scenario import Scenario

COLUMNS = ("scenario", "points", "kills", "stops", "not reached", "events", "lost", "twice", "otherwise wrong")


@dataclass
class Report:
    """A matrix as it goes: each scenario summed up, and what was not reached."""

    server: str = ""
    summed: list[Mapping[str, Any]] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    @property
    def rows(self) -> list[Mapping[str, Any]]:
        """The scenarios, and all of them at the end."""
        total = {name: sum(row[name] for row in self.summed) for name in COLUMNS[1:]}
        return [*self.summed, {"scenario": "all", **total}]

    @property
    def holds(self) -> bool:
        """Whether nothing was lost, told twice or otherwise wrong."""
        return not any(self.rows[-1][name] for name in COLUMNS[-3:])

    def has(self, scenario: Scenario) -> bool:
        """Say whether a scenario was run."""
        return scenario.name in (row["scenario"] for row in self.summed)

    def add(self, scenario: Scenario, ended: Sequence[Ended]) -> None:
        """Sum up what came of a scenario's runs, if there were any."""
        if ended:
            self.summed.append(_row(ended, scenario))
            self.missed += [str(one) for one in ended if not one.reached]

    def plain(self) -> dict[str, Any]:
        """Give it as machines read it."""
        return {"server": self.server, "rows": self.rows, "missed": self.missed}


def read(output: Path | None) -> Report:
    """Read a report that was cut short; where there is none, begin one."""
    if output is None or not output.exists():
        return Report()
    found = json.loads(output.read_text())
    return Report(found["server"], found["rows"][:-1], found["missed"])


def _row(ended: Sequence[Ended], scenario: Scenario) -> dict[str, Any]:
    return {
        "scenario": scenario.name,
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
