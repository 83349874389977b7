"""`tellonce webhooks`: who is told by webhook, changed while everything runs."""

import os
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Annotated

import anyio
import typer

from consumers.webhook.address import Fence
from consumers.webhook.endpoint import (
    NAME,
    Endpoint,
    check_endpoint_name,
    check_secret,
    checked,
    new_secret,
    present,
    read_endpoints,
    read_told,
)
from consumers.webhook.listing import listed, show
from consumers.webhook.trial import Try, show_try, tried
from telemetry.cli.opening import answer, opened, read_config, read_settings
from telemetry.cli.printing import AsJson, mistake, say, show_json
from telemetry.core.errors import ConfigurationError
from telemetry.runtime.settings import Settings
from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints
from telemetry.store.lanes import Lanes

Name = Annotated[str, typer.Argument(help="The endpoint's name.")]
Events = Annotated[list[str] | None, typer.Option("--event", "-e", help="A type that it wants; again for more.")]
Secret = Annotated[str | None, typer.Option(help="Sign with this instead of a new one (or WEBHOOK_SECRET).")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
EVERY = ["*"]
Change = Callable[[Connection, Endpoint], Awaitable[None]]


def command(app: typer.Typer) -> None:
    """Add the verb."""
    group = typer.Typer(help="Tell events to endpoints by webhook.", rich_markup_mode=None, no_args_is_help=True)
    for verb in (add, disable, enable, rotate, remove):
        group.command(verb.__name__)(verb)
    group.command("list")(list_endpoints)
    group.command("test")(send_one)
    group.command("secret")(make_secret)
    app.add_typer(group, name="webhooks")


def add(
    name: Name,
    url: Annotated[str, typer.Argument(help="Where to post, as in https://crm.example.com/hooks.")],
    *,
    events: Events = None,
    concurrency: Annotated[int | None, typer.Option(help="Deliveries on their way at once (4).")] = None,
    ordered: Annotated[bool, typer.Option("--ordered", help="In order for each distinct_id.")] = False,
    rate: Annotated[float | None, typer.Option(help="Deliveries a second, at most.")] = None,
    secret: Secret = None,
) -> None:
    """Add an endpoint; what comes from now on is told to it, by all running processes within seconds."""
    settings = read_settings()
    checked(check_endpoint_name, name)
    table = read_told(url=url, events=events or EVERY, concurrency=concurrency, ordered=ordered, rate=rate)
    Fence(settings.webhook_allow).check_url(table.url)
    chosen = _chosen(secret)
    if name in read_endpoints(read_config(settings)):
        raise ConfigurationError(f"{name}: tellonce.toml has an endpoint of that name; change it there")
    if not answer(lambda connection: Endpoints(connection).add(name, table.model_dump(), chosen), settings):
        mistake(f"{name}: there is an endpoint of that name; `tellonce webhooks remove {name}` removes it")
        raise typer.Exit(1)
    say(f"{name} is told of {', '.join(table.events)} from now on")
    if secret is None:
        say(f"secret    {chosen}   (shown this once: the endpoint verifies with it)")
    say(f"try it:   tellonce webhooks test {name}")


def list_endpoints(*, as_json: AsJson = False) -> None:
    """List the endpoints and how they stand; secrets are not shown."""
    settings = read_settings()
    file = read_endpoints(read_config(settings))
    rows = answer(lambda connection: listed(connection, file), settings)
    show_json(rows) if as_json else show(rows)


def disable(
    name: Name, *, reason: Annotated[str, typer.Option(help="Why, for those who ask.")] = "by an operator"
) -> None:
    """Switch an endpoint off; what waits for it is parked, and comes back with it."""

    async def switch(connection: Connection, found: Endpoint) -> None:
        await Endpoints(connection).disable(found.name, reason)

    _change(name, switch)
    say(f"{name} is switched off; what comes for it is parked until `tellonce webhooks enable {name}`")


def enable(name: Name) -> None:
    """Switch an endpoint on; what was parked with it is sent."""

    async def switch(connection: Connection, found: Endpoint) -> None:
        await Endpoints(connection).enable(found.name)
        # Left alone after failures, it is tried at once.
        await Lanes(connection, NAME).note(found.destination, None)

    _change(name, switch)
    say(f"{name} is switched on; what was parked with it is sent")


def rotate(
    name: Name,
    *,
    overlap: Annotated[float, typer.Option(help="For how many hours the former secret signs too.", min=0)] = 24,
    secret: Secret = None,
) -> None:
    """Give an endpoint a new secret; for a while the former one signs too."""
    chosen = _chosen(secret)

    async def turn(connection: Connection, found: Endpoint) -> None:
        if found.source == "file":
            raise ConfigurationError(f"{name}: it is in tellonce.toml: put [new, former] as its secret there")
        await Endpoints(connection).rotate(name, chosen, timedelta(hours=overlap))

    _change(name, turn)
    say(f"{name} has a new secret; the former one signs too for {overlap:g} h")
    if secret is None:
        say(f"secret    {chosen}   (shown this once)")


def remove(name: Name, *, yes: Yes = False) -> None:
    """Remove an endpoint; what waits for it is parked, and comes back should one of that name be added."""
    found = _found(name)
    if found.source == "file":
        raise ConfigurationError(f"{name}: it is in tellonce.toml; remove it there")
    if not yes:
        typer.confirm(f"{name} will be told no more, and its secret is forgotten. Remove it?", abort=True)
    answer(lambda connection: Endpoints(connection).remove(name))
    say(f"{name} is removed; what waited for it is parked")


def send_one(name: Name, *, as_json: AsJson = False) -> None:
    """Send one signed request to an endpoint now, in up to three tries, and show what it answers."""
    settings, found = read_settings(), _found(name)
    tries = anyio.run(_test, settings, found, as_json)
    if as_json:
        show_json(tries)
    raise typer.Exit(not tries[-1].delivered)


def make_secret() -> None:
    """Make a signing secret, for an endpoint in tellonce.toml."""
    say(new_secret())


async def _test(settings: Settings, found: Endpoint, as_json: bool) -> list[Try]:
    tries = []
    async with opened(settings) as connection:
        async for one in tried(found, settings, connection.clock):
            tries.append(one)
            if not as_json:
                show_try(one)
    return tries


def _change(name: str, change: Change) -> None:
    found = _found(name)
    answer(lambda connection: change(connection, found))


def _found(name: str) -> Endpoint:
    settings = read_settings()
    file = read_endpoints(read_config(settings))
    rows = answer(lambda connection: Endpoints(connection).all(), settings)
    known = present(file, rows)
    if name not in known:
        raise ConfigurationError(f"{NAME} endpoint {name!r}: there is none; `tellonce webhooks list` lists them")
    return known[name]


def _chosen(secret: str | None) -> str:
    given = secret or os.environ.get("WEBHOOK_SECRET")
    return checked(check_secret, given, "the secret") if given else new_secret()
