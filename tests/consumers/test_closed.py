"""What is told to nobody for now takes no place in a run: each consumer knows its own."""

from datetime import timedelta

from consumers.discord.consumer import DiscordConsumer
from consumers.webhook.consumer import WebhookConsumer
from telemetry.store.channels import Block, Channels
from telemetry.store.client import Connection
from telemetry.store.endpoints import Endpoints

TOLD = {"url": "https://example.com/hook", "events": ["*"]}


async def test_blocked_channels_and_people_are_closed(connection: Connection) -> None:
    channels = Channels(connection)
    later = connection.clock.now() + timedelta(hours=1)
    for name in ("1", "@7"):
        await channels.read(name)
        await channels.block(name, Block("Missing Access", later, 1))
    await channels.read("2")

    closed = await DiscordConsumer([], frozenset()).closed(
        connection, ["discord:1", "discord:2", "discord:3", "discord-user:7"]
    )
    assert closed == {"discord:1", "discord-user:7"}


async def test_endpoints_that_are_switched_off_or_removed_are_closed(connection: Connection) -> None:
    endpoints = Endpoints(connection)
    for name in ("on", "off", "gone"):
        await endpoints.add(name, TOLD, "whsec_" + "A" * 32)
    await endpoints.disable("off", "410 Gone")
    await endpoints.remove("gone")

    closed = await WebhookConsumer({}, frozenset()).closed(connection, ["webhook:on", "webhook:off", "webhook:gone"])
    assert closed == {"webhook:off", "webhook:gone"}
