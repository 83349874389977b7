"""How answers look: tables for a person, JSON for a program, one line for a mistake."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Annotated, Any

import typer
from pydantic_core import to_jsonable_python
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

# What is piped into another program must not be folded at a width that no terminal has.
PIPED_WIDTH = 400
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)

AsJson = Annotated[bool, typer.Option("--json", help="Answer in JSON, for a program.")]


def console(*, error: bool = False) -> Console:
    """Give a console on standard output or error; it has colour only on a terminal."""
    stream = sys.stderr if error else sys.stdout
    return Console(file=stream, width=None if stream.isatty() else PIPED_WIDTH, highlight=False, markup=False)


def say(line: str, *, style: str = "", error: bool = False) -> None:
    """Print one line."""
    console(error=error).print(visible(line), style=style, soft_wrap=True)


def mistake(line: str) -> None:
    """Print one line about what went wrong, on standard error."""
    say(f"tellonce: {line}", style="red", error=True)


def show_json(value: Any) -> None:
    """Print a value as JSON."""
    sys.stdout.write(json.dumps(to_jsonable_python(value, fallback=_other), indent=2, ensure_ascii=False) + "\n")


def _other(value: Any) -> Any:
    try:
        return dict(value)
    except (TypeError, ValueError):
        return str(value)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> Table:
    """Make a table; the columns named in `right` hold numbers."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for name in columns:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(cell if isinstance(cell, Text) else Text(visible(str(cell))) for cell in row))
    return made


def progress() -> Progress:
    """Give bars that are shown on a terminal only, and leave nothing behind."""
    screen = console(error=True)
    bar = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*bar, console=screen, disable=not screen.is_terminal, transient=True)


@contextmanager
def counting(what: str) -> Iterator[Callable[[int], None]]:
    """Show on a terminal how many have been read, for as long as that takes."""
    screen = console(error=True)
    columns = (SpinnerColumn(), TextColumn(f"{{task.completed}} {what} read"))
    with Progress(*columns, console=screen, disable=not screen.is_terminal, transient=True) as shown:
        task = shown.add_task("", total=None)
        yield lambda read: shown.update(task, completed=read)


def visible(text: str) -> str:
    """Spell out what a terminal would obey: a producer's text must not move the cursor."""
    return "".join(sign if sign.isprintable() or sign == "\n" else ascii(sign)[1:-1] for sign in text)


def moment(at: datetime | None) -> str:
    """Spell a time in UTC."""
    return f"{at:%Y-%m-%d %H:%M:%S} UTC" if at else ""


def age(span: timedelta | None) -> str:
    """Spell a duration in its two largest units."""
    if span is None:
        return ""
    seconds = max(int(span.total_seconds()), 0)
    if span < MINUTE:
        return f"{seconds} s"
    if span < HOUR:
        return f"{seconds // 60} min {seconds % 60} s"
    if span < DAY:
        return f"{seconds // 3600} h {seconds // 60 % 60} min"
    return f"{seconds // 86400} d {seconds // 3600 % 24} h"


def count(number: int, noun: str, plural: str = "") -> str:
    """Spell a number of things."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
