"""`tellonce send`: a client of ingest."""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Annotated, Any

import aiohttp
import anyio
import typer

from telemetry.cli.posting import TIMEOUT, GaveUpError, Poster, Tally
from telemetry.cli.premises import running_here
from telemetry.cli.printing import mistake, progress, say, show_json, visible
from telemetry.cli.reading import Line, batches, opened_file, read_lines, spelt, standard_input
from telemetry.cli.stream import Stream, told_by_signals, waiting_input
from telemetry.core.errors import ConfigurationError

DEFAULT_URL = "http://127.0.0.1:8080"
KEY = "TELLONCE_INGEST_KEY"


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def send(
        event: Annotated[str | None, typer.Argument(help='The type, as in sign_up; or "-": NDJSON from stdin.')] = None,
        distinct_id: Annotated[str | None, typer.Argument(help="Whom it is about.")] = None,
        properties: Annotated[list[str] | None, typer.Argument(help="name=text, or name:=JSON.")] = None,
        *,
        time: Annotated[str | None, typer.Option(help="When it happened, as in 2026-01-31T12:00:00Z.")] = None,
        insert_id: Annotated[str | None, typer.Option(help="Your own id, for types counted per occurrence.")] = None,
        deliver_at: Annotated[str | None, typer.Option(help="Tell it then, as in 2026-12-24T18:00:00Z.")] = None,
        revision: Annotated[int | None, typer.Option(min=0, help="A higher one takes the place of a lower.")] = None,
        file: Annotated[Path | None, typer.Option(help="Send the events of a JSON or NDJSON file.")] = None,
        url: Annotated[str | None, typer.Option(help="Where ingest is.")] = None,
        key: Annotated[str | None, typer.Option(envvar=KEY, show_envvar=True, help="The key's secret.")] = None,
        patience: Annotated[float, typer.Option(min=0, help="Seconds to wait for ingest before giving up.")] = 120.0,
        as_json: Annotated[bool, typer.Option("--json", help="Print the counts as JSON.")] = False,
    ) -> None:
        """Send one event, a file, or a stream. Safe to repeat; exit 1 when an event was rejected or conflicts."""
        given: dict[str, Any] = {"event": event, "distinct_id": distinct_id, "time": time, "insert_id": insert_id}
        given |= {"deliver_at": deliver_at, "revision": revision}
        with _input(given, properties or [], file) as (pieces, size):
            tally = anyio.run(_send, pieces, size, address_of(url), key, patience)
        _show(tally, as_json=as_json)
        if not tally.clean:
            raise typer.Exit(1)


@contextmanager
def _input(
    given: dict[str, Any], properties: Sequence[str], file: Path | None
) -> Iterator[tuple[Iterator[Sequence[Line]], int]]:
    if file is not None and given["event"] is not None:
        raise typer.BadParameter("give an event, or --file, not both")
    if file is not None:
        with opened_file(file) as source:
            yield batches(read_lines(source)), file.stat().st_size
    elif given["event"] == "-" and (descriptor := waiting_input()) is not None:
        stream = Stream(descriptor)
        with told_by_signals(stream.end):
            yield stream.batches(), 0
    elif given["event"] == "-":
        yield batches(read_lines(standard_input())), 0
    elif given["event"] is None or given["distinct_id"] is None:
        raise typer.BadParameter('say what: TYPE DISTINCT_ID, --file FILE, or "-" for NDJSON from stdin')
    else:
        yield iter([[Line(1, spelt(_one(given, properties)), 0)]]), 0


def _one(given: dict[str, Any], properties: Sequence[str]) -> dict[str, Any]:
    event = {name: value for name, value in given.items() if value is not None}
    return event | ({"properties": dict(map(read_property, properties))} if properties else {})


def read_property(text: str) -> tuple[str, Any]:
    """Read a property as it is typed: name=text, or name:=JSON."""
    name, equals, value = text.partition("=")
    if not equals or not name.rstrip(":"):
        raise typer.BadParameter(f"{text!r}: expected name=text, or name:=JSON")
    if not name.endswith(":"):
        return name, value
    try:
        return name[:-1], json.loads(value)
    except ValueError as error:
        raise typer.BadParameter(f"{text!r}: not JSON: {error}") from error


def address_of(url: str | None) -> str:
    """Say where ingest is: where one is told, else where it runs here; raise ConfigurationError for no address."""
    running = None if url else running_here()
    port = os.environ.get("TELLONCE_INGEST_PORT")
    base = url or (running.ingest if running else f"http://127.0.0.1:{port}" if port else DEFAULT_URL)
    if not base.startswith(("http://", "https://")):
        raise ConfigurationError(f"--url {base}: expected an address that starts with http:// or https://")
    return base if base.rstrip("/").endswith("/ingest") else f"{base.rstrip('/')}/ingest"


async def _send(pieces: Iterator[Sequence[Line]], size: int, url: str, key: str | None, patience: float) -> Tally:
    tally = Tally()
    headers = {"Content-Type": "application/x-ndjson"} | ({"Authorization": f"Bearer {key}"} if key else {})
    with progress() as shown:
        task = shown.add_task("sent", total=size or None)
        async with aiohttp.ClientSession(headers=headers, timeout=TIMEOUT) as session:

            def waiting(why: str, seconds: float) -> None:
                shown.console.print(f"waiting {seconds:.1f} s: {visible(why)}", style="yellow", soft_wrap=True)

            poster = Poster(session, url, tally, patience=patience, chance=Random(), waiting=waiting)  # noqa: S311
            # Reading may block for as long as whoever feeds the pipe likes.
            while batch := await anyio.to_thread.run_sync(next, pieces, None):
                try:
                    await poster.post(batch)
                except GaveUpError:
                    _show(tally, as_json=False)
                    raise
                shown.update(task, completed=batch[-1].bytes_read if size else tally.counts.total())
    return tally


def _show(tally: Tally, *, as_json: bool) -> None:
    names = ("accepted", "duplicate", "conflict", "superseded", "too_late", "rejected")
    if as_json:
        show_json({name: tally.counts[name] for name in names} | {"wrong": tally.wrong, "notes": tally.notes})
        return
    say(
        ", ".join(f"{tally.counts[name]:,} {name.replace('_', ' ')}" for name in names if tally.counts[name])
        or "no events"
    )
    for line in tally.notes:
        say(line)
    for line in tally.wrong:
        mistake(line)
