"""How the lines of several processes share one terminal."""

from telemetry.cli.child import Say
from telemetry.cli.printing import console, visible

COLOURS = {
    "ingest": "cyan",
    "watch": "green",
    "bot": "magenta",
    "discord": "blue",
    "database": "yellow",
    "then": "bold",
}
WIDTH = 9


def passing_on(*, plain: bool) -> Say:
    """Give what prints a process's line with its name in front; `plain` lines go to a program and stay as they are."""
    screen = console(error=True)

    def say(name: str, line: str) -> None:
        if not plain:
            screen.print(f"{name:<{WIDTH}}│ ", style=COLOURS.get(name, ""), end="")
        screen.print(visible(line), soft_wrap=True)

    return say
