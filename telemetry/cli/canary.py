"""`tellonce canary`: is the way of a rare type's facts open? One that is no fact is sent to find out."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from random import Random
from secrets import token_hex
from typing import Annotated, Any

import aiohttp
import anyio
import typer

from telemetry.cli.opening import answer, read_config, read_settings
from telemetry.cli.posting import TIMEOUT, GaveUpError, Poster, Tally
from telemetry.cli.printing import AsJson, console, say, show_json, table
from telemetry.cli.reading import Line
from telemetry.cli.send import KEY, address_of
from telemetry.core.consumer import Consumer
from telemetry.core.errors import ConfigurationError
from telemetry.ops.canary import Errand, Progress, permitted, progress
from telemetry.ops.flock import Flock
from telemetry.runtime.canary import read_canary, read_destination
from telemetry.runtime.config import Config
from telemetry.runtime.span import read_seconds
from telemetry.store.client import Connection
from telemetry.store.keys import Keys
from telemetry.watcher.consumers import load_consumers, refresher

POLL = 0.25
NOTHING = "every type had a fact lately: no canary is sent; name a type to send one all the same"


def command(app: typer.Typer) -> None:
    """Add the verb."""

    @app.command()
    def canary(
        types: Annotated[
            list[str] | None, typer.Argument(metavar="[TYPE]...", help="Unless said, the rare ones.")
        ] = None,
        *,
        to: Annotated[str | None, typer.Option(metavar="DESTINATION", help="Unless said, the file's [canary].")] = None,
        wait: Annotated[str, typer.Option(help="How long each may take.")] = "60s",
        url: Annotated[str | None, typer.Option(help="Where ingest is.")] = None,
        key: Annotated[str | None, typer.Option(envvar=KEY, show_envvar=True, help="The key's secret.")] = None,
        as_json: AsJson = False,
    ) -> None:
        """Send what is no fact the whole way of rare types, to a test destination. Exit 1 when one does not arrive."""
        settings = read_settings()
        config = read_config(settings)
        errand = Errand("", read_destination(config, to), token_hex(16))
        consumer = _carrier(load_consumers(config, settings), errand)
        seconds, address = _seconds(wait), address_of(url)

        async def fly(connection: Connection) -> list[Progress]:
            named = replace(errand, name=_name(connection.clock.now()))
            canaries = await _chosen(connection, config, consumer, types or (), named)
            return await _fly(connection, named, canaries, Post(address, key), seconds) if canaries else []

        found = answer(fly, settings)
        _show(found, errand.to, as_json=as_json)
        if not all(one.arrived for one in found):
            raise typer.Exit(1)


class Post:
    """The way into ingest."""

    def __init__(self, url: str, key: str | None) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/x-ndjson"} | ({"Authorization": f"Bearer {key}"} if key else {})

    async def send(self, canary: Mapping[str, Any], patience: float) -> str:
        """Send one; say what was wrong, if anything was."""
        tally = Tally()
        async with aiohttp.ClientSession(headers=self._headers, timeout=TIMEOUT) as session:
            poster = Poster(session, self._url, tally, patience=patience, chance=Random())  # noqa: S311
            try:
                await poster.post([Line(1, json.dumps(canary), 0)])
            except GaveUpError as error:
                return str(error)
        return tally.wrong[0].removeprefix("event 1: ") if tally.wrong else ""


async def _chosen(
    connection: Connection, config: Config, consumer: Consumer, asked: Sequence[str], errand: Errand
) -> list[dict[str, Any]]:
    if refresh := refresher(consumer, connection):
        await refresh()
    # What is in force is what ingest goes by, whatever this file says.
    in_force = {name: policy.key for name, policy in (await Keys(connection).read()).items()}
    policies = {name: in_force.get(name, policy.key) for name, policy in config.types.items()}
    flock = Flock(connection, policies, consumer, errand)
    await flock.check()
    return await (flock.of_types(asked) if asked else flock.of_quiet(read_canary(config).quiet))


async def _fly(
    connection: Connection, errand: Errand, canaries: Sequence[Mapping[str, Any]], post: Post, wait: float
) -> list[Progress]:
    """Send them side by side, and follow each until it has arrived or its time is over."""
    found: dict[str, Progress] = {}

    async def follow(canary: Mapping[str, Any]) -> None:
        found[canary["event"]] = await _follow(connection, errand, canary, post, wait)

    async with permitted(connection, errand, wait), anyio.create_task_group() as group:
        for canary in canaries:
            group.start_soon(follow, canary, name=f"canary {canary['event']}")
    return [found[canary["event"]] for canary in canaries]


async def _follow(
    connection: Connection, errand: Errand, canary: Mapping[str, Any], post: Post, wait: float
) -> Progress:
    kind, began = canary["event"], connection.clock.monotonic()
    if wrong := await post.send(canary, wait):
        return Progress(kind, "ingest", said=wrong)
    while True:
        at = (await progress(connection, errand, [kind])).get(kind, Progress(kind, "ingest", said="it is not stored"))
        took = connection.clock.monotonic() - began
        if at.arrived:
            return replace(at, seconds=round(took, 2))
        if took > wait:
            return at
        await anyio.sleep(POLL)


def _carrier(consumers: Sequence[Consumer], errand: Errand) -> Consumer:
    for consumer in consumers:
        if consumer.name == errand.consumer:
            return consumer
    raise ConfigurationError(f"{errand.to}: no consumer {errand.consumer} is installed here")


def _name(now: datetime) -> str:
    return f"canary-{now:%Y%m%dT%H%M%S}-{token_hex(2)}"


def _seconds(wait: str) -> int:
    try:
        return read_seconds(wait)
    except ValueError as error:
        raise ConfigurationError(f"--wait: {error}") from None


def _show(found: Sequence[Progress], to: str, *, as_json: bool) -> None:
    if as_json:
        show_json({"to": to, "canaries": [_plain(one) for one in found]})
    elif not found:
        say(NOTHING)
    else:
        rows = [(one.type, "yes" if one.arrived else "no", _took(one), _stuck(one), one.key) for one in found]
        columns = ("type", "arrived", "took", "stuck", "key")
        console().print(table(f"Canaries to {to}", columns, rows, right=("took",)))


def _plain(one: Progress) -> dict[str, Any]:
    return {"type": one.type, "key": one.key, "arrived": one.arrived, "seconds": one.seconds, "stage": one.stage} | {
        "said": one.said
    }


def _took(one: Progress) -> str:
    return "" if one.seconds is None else f"{one.seconds:.1f} s"


def _stuck(one: Progress) -> str:
    return "" if one.arrived else f"at {one.stage}: {one.said}"
