"""`tellonce sources`: who may submit, changed while everything runs."""

from collections.abc import Iterable
from datetime import timedelta
from typing import Annotated

import typer
from rich.table import Table

from telemetry.cli.consumers import Yes
from telemetry.cli.opening import answer, read_settings
from telemetry.cli.printing import AsJson, console, moment, say, show_json, table
from telemetry.core.errors import ConfigurationError
from telemetry.core.rate import Rate
from telemetry.ingest.auth import KNOWN_FOR
from telemetry.ops.sources import SourceStatus, add, limit, read_sources, revoke, rotate

Name = Annotated[str, typer.Argument(help="The source's name: events are stored with it, and it stays.")]
Names = Annotated[list[str], typer.Argument(metavar="NAME...", help="The sources' names.")]
RATE = "At most so many events to each ingest process, as in 600/min, 20/s or 50000/h"
YEAR = 8784  # hours
Overlap = Annotated[float, typer.Option(min=0, max=YEAR, help="For how many hours the former secret is taken too.")]
NONE = "none"


def command(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Say who may submit events.", rich_markup_mode=None, no_args_is_help=True)
    group.command("add")(_add)
    group.command("list")(_list)
    group.command("limit")(_limit)
    group.command("rotate")(_rotate)
    group.command("revoke")(_revoke)
    app.add_typer(group, name="sources")


def sources_table(rows: Iterable[SourceStatus]) -> Table:
    """Draw how sources stand."""
    columns = ("source", "state", "secrets", "rate", "last used")
    drawn = [(row.name, _state(row), _secrets(row), row.rate or "", moment(row.last_used)) for row in rows]
    return table("Sources", columns, drawn)


def _add(name: Name, *, rate: Annotated[str | None, typer.Option(help=f"{RATE}.")] = None) -> None:
    """Let a source submit, with a secret that is made here and shown once; ingests know it at once."""
    settings, most = read_settings(), _rate(rate)
    # Were this killed before the secret is shown, nobody has it: `rotate` makes another.
    done = answer(lambda connection: add(connection, name, most, settings.ingest_keys), settings)
    say(f"{name} may submit from now on" + (f", at most {most} to each ingest" if most else ""))
    _show_secret(done.secret)
    if done.closes:
        say(f"it is the first: within {KNOWN_FOR:g} s ingest is open to nobody without a secret any more")


def _list(*, as_json: AsJson = False) -> None:
    """List the sources, and when each was used last, to the minute; secrets are not shown."""
    rows = answer(read_sources)
    if as_json:
        show_json(rows)
    elif rows:
        console().print(sources_table(rows))
    else:
        say("there are no sources; `tellonce sources add NAME` adds one")


def _limit(name: Name, rate: Annotated[str, typer.Argument(help=f'{RATE}; or "{NONE}".')]) -> None:
    """Hold a source to another rate."""
    most = None if rate == NONE else _rate(rate)
    answer(lambda connection: limit(connection, name, most))
    say(f"{name} may submit {f'at most {most} to each ingest' if most else 'as much as it likes'}")


def _rotate(name: Name, *, overlap: Overlap = 24) -> None:
    """Give a source a new secret; the former one is taken for a while yet, so that nothing is refused meanwhile."""
    secret = answer(lambda connection: rotate(connection, name, timedelta(hours=overlap)))
    say(f"{name} has a new secret; what it had is taken {_overlap(overlap)}")
    _show_secret(secret)


def _revoke(names: Names, *, yes: Yes = False) -> None:
    """End sources at once, with all their secrets; what they submitted stays."""
    if not yes:
        typer.confirm(f"Nothing more of {', '.join(names)} will be taken. Revoke?", abort=True)
    answer(lambda connection: revoke(connection, names))
    for name in names:
        say(f"{name} is revoked: within {KNOWN_FOR:g} s no ingest takes a secret of it any more")


def _show_secret(secret: str) -> None:
    say(f"secret    {secret}   (shown this once: only its hash is kept)")


def _overlap(hours: float) -> str:
    return f"for {hours:g} h yet" if hours else f"for {KNOWN_FOR:g} s at most"


def _rate(spelling: str | None) -> Rate | None:
    try:
        return Rate.parse(spelling) if spelling else None
    except ValueError as error:
        raise ConfigurationError(f"rate: {error}") from error


def _state(row: SourceStatus) -> str:
    return {
        "added": f"added {moment(row.since)}",
        "revoked": f"revoked {moment(row.since)}",
        "environment": "of TELLONCE_INGEST_KEYS",
    }[row.state]


def _secrets(row: SourceStatus) -> str:
    if row.state == "environment":
        return ""
    return f"{row.secrets}" + (f", the former until {moment(row.former_until)}" if row.former_until else "")
