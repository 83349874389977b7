"""`tellonce indexes`: what is declared beside what is there."""

from typing import Annotated

import typer

from telemetry.cli.opening import answer
from telemetry.cli.printing import AsJson, console, say, show_json, table
from telemetry.ops.indexes import apply as make_right
from telemetry.ops.indexes import compare
from telemetry.runtime.config import installed_consumers
from telemetry.store.indexes import Index


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def indexes(
        *,
        apply: Annotated[bool, typer.Option("--apply", help="Build what is missing, rebuild what differs.")] = False,
        as_json: AsJson = False,
    ) -> None:
        """Compare the indexes with the declared ones. Exit 1 when one is not right."""
        installed = sorted(installed_consumers())
        if apply:
            made = answer(lambda connection: make_right(connection, installed))
            _show([(done.index, done.action) for done in made], as_json=as_json)
            return
        found = answer(lambda connection: compare(connection, installed))
        _show(found, as_json=as_json)
        if any(verdict != "right" for _, verdict in found):
            if not as_json:
                say("`tellonce indexes --apply` makes them right; so does the next start of a daemon")
            raise typer.Exit(1)


def _show(found: list[tuple[Index, str]], *, as_json: bool) -> None:
    if as_json:
        show_json([{"index": index.name, **_declared(index), "verdict": verdict} for index, verdict in found])
        return
    rows = [
        (index.collection, index.name, ", ".join(name for name, _ in index.keys), ", ".join(index.only), verdict)
        for index, verdict in found
    ]
    console().print(table("Indexes", ("collection", "index", "keys", "only rows with", "verdict"), rows))


def _declared(index: Index) -> dict[str, object]:
    return {"collection": index.collection, "keys": index.keys, "options": index.options}
