"""Figures, and how they are shown."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table

Say = Callable[[str], None]


@dataclass(frozen=True)
class Figure:
    """One measured figure, and its goal where it has one."""

    measure: str
    value: float
    unit: str = ""
    at_least: float | None = None
    at_most: float | None = None

    @property
    def goal(self) -> str:
        """Say the goal in words."""
        if self.at_least is not None:
            return f"≥ {self.at_least:g}"
        return "" if self.at_most is None else f"≤ {self.at_most:g}"

    @property
    def verdict(self) -> str:
        """Say whether the goal is held."""
        if not self.goal:
            return ""
        low = self.at_least is not None and self.value < self.at_least
        high = self.at_most is not None and self.value > self.at_most
        return "missed" if low or high else "held"

    def row(self) -> dict[str, Any]:
        """Spell it for JSON."""
        spelled = {"measure": self.measure, "figure": self.value, "unit": self.unit}
        return spelled | ({"goal": self.goal, "verdict": self.verdict} if self.goal else {})


@dataclass(frozen=True)
class Section:
    """What one section measured: figures, how many events they are from, and what explains them."""

    figures: list[Figure]
    events: dict[str, int]
    details: dict[str, Any] = field(default_factory=dict)

    def row(self) -> dict[str, Any]:
        """Spell it for JSON."""
        return {"figures": [figure.row() for figure in self.figures], "events": self.events, "details": self.details}


def show(console: Console, sections: dict[str, Section]) -> None:
    """Print the table."""
    table = Table("measure", "figure", "goal", "held/missed")
    table.columns[1].justify = "right"
    for section in sections.values():
        for figure in section.figures:
            color = {"held": "green", "missed": "red"}.get(figure.verdict, "")
            verdict = f"[{color}]{figure.verdict}[/]" if color else ""
            table.add_row(figure.measure, f"{_spelled(figure.value)} {figure.unit}".strip(), figure.goal, verdict)
        table.add_section()
    console.print(table)


def _spelled(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"
