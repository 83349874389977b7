"""What goes wrong reaches the channel that the file names."""

from telemetry.core.delivery import Signal
from telemetry.store.deliveries import Deliveries
from telemetry.store.events import Events
from telemetry.store.registry import Registry
from tests.e2e.world import World
from tests.facts import a_delivery, an_event

ALERTS = """
[alerts]
[[discord.routes]]
events = ["tellonce.alert"]
channel = "community"
title = "{{ properties.trouble }} {{ properties.count }}"
body = "{{ properties.text }}"
"""


async def test_what_is_dead_and_what_is_lost_are_told_in_discord_once(world: World) -> None:
    """
    A delivery that was refused, and one whose event somebody has removed by hand.
    """
    world.write_config(ALERTS)
    queue = Deliveries(world.connection, "discord")
    await Registry(world.connection).register("discord")
    await Events(world.connection).insert([an_event("sign_up:dead")])
    refused, orphan = a_delivery(an_event("sign_up:dead")), a_delivery(an_event("sign_up:lost"))
    await queue.offer([refused, orphan])
    await Events(world.connection).ack({"sign_up:dead": {"discord": 1}}, ["discord"])
    await queue.settle([(orphan.id, 0)], Signal.DONE, result={"message_id": "1"})
    await queue.settle([(refused.id, 0)], Signal.GIVE_UP, reason="no embed of it is taken")

    world.start_plainly("watch")
    world.start("bot")
    await world.until_shown(["dead 1", "broken 1"])

    assert ["broken 1", "dead 1"] == sorted(world.shown())
