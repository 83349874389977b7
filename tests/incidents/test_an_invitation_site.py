"""
A workshop's site invited nobody: one row that a join had made twice aborted whole batches, for seven years, and three
causes had one message. Uniqueness lived in the application, and a status was part of the identity. Nobody compared
who should have been invited with who was.
"""

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import State
from telemetry.ops.verify import verify
from telemetry.store.deliveries import Deliveries
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
GUESTS = f"""
audience:members
discord-user:{GRACE}
discord-user:{BARBARA}
discord-user:{KATHERINE}
discord-user:{ADA}
discord:700000000000000001
discord:700000000000000002
webhook:calendar
webhook:nobody
"""
WHY = {
    f"discord-user:{SHY}": "dead: the user takes no direct messages from the bot",
    "discord:700000000000000002": "parked: a permission is missing: give the bot Send Messages and Embed Links",
    "webhook:nobody": "parked: there is no endpoint nobody; this comes back when one of that name is added",
}


async def set_audience(world: World, name: str, text: str) -> str:
    """Set an audience, by its file."""
    file = world.config.with_name(f"{name}.txt")
    file.write_text(text)
    code, said = await world.typed("audience", "set", name, str(file))
    assert code == 0, said
    return said


async def audited(world: World) -> tuple[int, Mapping[str, Any]]:
    """Audit the invitation."""
    code, said = await world.typed("audit", KEY, "--json")
    return code, json.loads(said)


def invited(world: World, receiver: Receiver) -> Counter[str]:
    """How often each was invited."""
    told = {f"discord:{channel}": world.discord.messages(channel) for channel in CHANNELS}
    told |= {f"discord-user:{user}": world.discord.told(user) for user in (ADA, GRACE, BARBARA, KATHERINE, SHY)}
    titles = {place: [embed["title"] for message in heard for embed in message.embeds] for place, heard in told.items()}
    assert {"autumn"} == {title for heard in titles.values() for title in heard}
    return Counter({place: len(heard) for place, heard in titles.items()}) + Counter(
        {"webhook:calendar": len(receiver.taken)}
    )


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
        assert "1 duplicate folded" in await set_audience(world, "members", MEMBERS)
        await set_audience(world, "guests", GUESTS)
        typed = ("webhooks", "add", "calendar", receiver.url, "--event", "none", "--secret", SECRET)
        code, said = await world.typed(*typed)
        assert code == 0, said
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

        await until(all_came_to_something, 40)
        once = {f"discord-user:{user}" for user in (ADA, GRACE, BARBARA, KATHERINE)}
        once |= {"discord:700000000000000001", "webhook:calendar"}
        assert Counter(once) == invited(world, receiver)

        code, found = await audited(world)
        assert (1, 9, 6, 0, 3) == (code, *(found[name] for name in ("expected", "delivered", "waiting", "missing")))
        why = {missing["delivery"].partition("|")[2]: missing["why"] for missing in found["named"]}
        assert WHY.keys() == why.keys()
        code, said = await world.typed("audit", KEY)
        assert (1, True) == (code, "missing    3: 1 dead, 2 parked" in said)
        for place, reason in WHY.items():
            assert why[place].startswith(reason)
            assert why[place] in said
        assert (await verify(world.connection)).holds

        world.discord.users.take_directs(SHY, takes=True)
        world.discord.world.permit(closed, Permissions())
        typed = ("webhooks", "add", "nobody", receiver.url, "--event", "none", "--secret", SECRET)
        assert 0 == (await world.typed(*typed))[0]
        # Whom Discord's own news, or a new endpoint, brings back comes back by itself.
        code, said = await world.typed("retry", KEY)
        assert 0 == code, said

        async def nobody_is_missing() -> bool:
            """Everyone is invited."""
            return {} == {missing["delivery"]: missing["why"] for missing in (await audited(world))[1]["named"]}

        await until(nobody_is_missing, 40)
        code, found = await audited(world)
        assert (0, 9, 0) == (code, found["delivered"], found["missing"])
        everyone = once | {f"discord-user:{SHY}", "discord:700000000000000002"}
        assert Counter(everyone) + Counter(["webhook:calendar"]) == invited(world, receiver)
        assert (await verify(world.connection)).holds
