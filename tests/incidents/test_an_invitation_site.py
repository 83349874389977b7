"""
A workshop's site invited nobody: one row that a join had made twice aborted whole batches, for seven years, and three
causes had one message. Uniqueness lived in the application, and a status was part of the identity. Nobody compared
who should have been invited with who was.
"""

from collections import Counter

import pytest

from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from telemetry.ops.audit import Audit, audit
from telemetry.ops.verify import verify
from telemetry.store.deliveries import Deliveries
from telemetry.store.endpoints import Endpoints
from tests.audiences import an_audience
from tests.e2e.conftest import OpenWorld
from tests.e2e.world import World, submit
from tests.receiver import SECRET, Receiver
from tests.until import until

KEY = "invitation:autumn"
CHANNELS = {COMMUNITY: "community", 700000000000000001: "workshops", 700000000000000002: "closed"}
ADA, GRACE, BARBARA, KATHERINE, SHY = range(800000000000000001, 800000000000000006)
ROUTES = """
[types.invitation]
key = ["distinct_id"]
[[discord.routes]]
events = ["invitation"]
audiences = ["guests", "members"]
title = "{{ distinct_id | raw }}"
[[discord.routes]]
events = ["invitation"]
audiences = ["members"]
title = "once more: {{ distinct_id | raw }}"
[[webhook.routes]]
events = ["invitation"]
audiences = ["guests"]
"""
# Grace joined twice, is a guest besides, and guests and members overlap in Ada and a channel too.
MEMBERS = f"""
discord-user:{ADA}
discord-user:{GRACE}
discord-user:{GRACE}   # joined twice
discord-user:{SHY}
discord:700000000000000001
"""
GUESTS = (
    *(f"discord-user:{user}" for user in (ADA, GRACE, BARBARA, KATHERINE)),
    *("discord:700000000000000001", "discord:700000000000000002", "webhook:calendar", "webhook:nobody"),
)
WHY = {
    f"discord-user:{SHY}": "dead: the user takes no direct messages from the bot",
    "discord:700000000000000002": "parked: a permission is missing: give the bot Send Messages and Embed Links",
    "webhook:nobody": "parked: there is no endpoint nobody; this comes back when one of that name is added",
}


async def set_audiences(world: World) -> None:
    """Set the members by the file that they are in, and the guests, who include them."""
    file = world.config.with_name("members.txt")
    file.write_text(MEMBERS)
    code, said = await world.typed("audience", "set", "members", str(file))
    assert (0, "members has 4 members, 1 duplicate folded (version 1)\n") == (code, said)
    await an_audience(world.connection, "guests", GUESTS, ["members"])


async def add_endpoint(world: World, name: str, url: str) -> None:
    """Add an endpoint that asks for nothing itself."""
    assert await Endpoints(world.connection).add(name, {"url": url, "events": ["none"]}, SECRET)


async def audited(world: World) -> Audit:
    """Audit the invitation."""
    found = await audit(world.connection, KEY, 100)
    assert found is not None
    return found


def invited(world: World, receiver: Receiver) -> Counter[str]:
    """How often each was invited."""
    told = {f"discord:{channel}": world.discord.messages(channel) for channel in CHANNELS}
    told |= {f"discord-user:{user}": world.discord.told(user) for user in (ADA, GRACE, BARBARA, KATHERINE, SHY)}
    titles = {place: [embed["title"] for message in heard for embed in message.embeds] for place, heard in told.items()}
    assert {"autumn"} == {title for heard in titles.values() for title in heard}
    return Counter({place: len(heard) for place, heard in titles.items()}) + Counter(
        {"webhook:calendar": len(receiver.taken)}
    )


@pytest.mark.slow
async def test_whoever_is_not_invited_is_named_with_the_reason_and_everyone_else_is_invited_once(
    open_world: OpenWorld,
) -> None:
    async with open_world(channels=CHANNELS) as world, Receiver() as receiver:
        world.write_config(ROUTES)
        world.env |= {"TELLONCE_RUN_RATE": "6000", "COURIER": "webhook"}
        world.discord.users.take_directs(SHY, takes=False)
        closed = world.discord.channels.channel(700000000000000002)
        assert closed is not None
        world.discord.world.permit(closed, Permissions(send=False))
        await set_audiences(world)
        await add_endpoint(world, "calendar", receiver.url)
        daemons = [world.start(verb) for verb in ("ingest", "watch", "bot", "courier")]
        url = await (await daemons[0].ready()).url()
        for daemon in daemons:
            await daemon.ready()
        status, _ = await submit(url, {"event": "invitation", "distinct_id": "autumn"})
        assert status == 202

        async def all_came_to_something() -> bool:
            """Nothing waits any more."""
            queues = [Deliveries(world.connection, name) for name in ("discord", "webhook")]
            states = [row.state for queue in queues for row in await queue.of_event(KEY)]
            return len(states) == 9 and not {State.HELD, State.PENDING, State.LEASED} & set(states)

        await until(all_came_to_something)
        once = {f"discord-user:{user}" for user in (ADA, GRACE, BARBARA, KATHERINE)}
        once |= {"discord:700000000000000001", "webhook:calendar"}
        assert Counter(once) == invited(world, receiver)

        found = await audited(world)
        assert (9, 6, 0, 3) == (found.expected, found.delivered, found.waiting, found.missing)
        why = {missing.delivery.removeprefix(f"{KEY}|"): missing.why for missing in found.named}
        assert WHY.keys() == why.keys()
        code, said = await world.typed("audit", KEY)
        assert (1, True) == (code, "missing    3: 1 dead, 2 parked" in said)
        for place, reason in WHY.items():
            assert why[place].startswith(reason)
            assert why[place] in said
        assert (await verify(world.connection)).holds

        world.discord.users.take_directs(SHY, takes=True)
        world.discord.world.permit(closed, Permissions())
        await add_endpoint(world, "nobody", receiver.url)
        # Whom Discord's own news, or a new endpoint, brings back comes back by itself.
        code, said = await world.typed("retry", KEY)
        assert 0 == code, said

        async def nobody_is_missing() -> bool:
            """Everyone is invited."""
            return (await audited(world)).delivered == 9

        await until(nobody_is_missing)
        code, said = await world.typed("audit", KEY)
        assert (0, True) == (code, "nobody is missing" in said), said
        everyone = once | {f"discord-user:{SHY}", "discord:700000000000000002"}
        assert Counter(everyone) + Counter(["webhook:calendar"]) == invited(world, receiver)
        assert (await verify(world.connection)).holds
