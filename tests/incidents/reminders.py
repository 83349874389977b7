"""A deployment that reminds groups and people, in three messages each."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import chain
from typing import Any

from bot.simulator.message import Message
from bot.simulator.settings import COMMUNITY
from telemetry.core.delivery import destination_of
from telemetry.ops.verify import verify
from telemetry.store.runs import Runs
from tests.audiences import an_audience
from tests.e2e.daemon import Daemon
from tests.e2e.world import World, submit
from tests.until import until

CHANNELS = {700000000000000000 + number: f"group-{number}" for number in range(8)}
PEOPLE = {800000000000000000 + number: f"person-{number}" for number in range(4)}
DISCORD: Mapping[str, Any] = {"channels": {COMMUNITY: "community"} | CHANNELS, "users": PEOPLE}
PARTS = 3
MEMBERS = len(CHANNELS) + len(PEOPLE)
ROUTES = """
[types.reminder]
key = ["distinct_id"]
[[discord.routes]]
events = ["reminder"]
audiences = ["groups"]
account = "{{ properties.account | default('secretary') }}"
title = "{{ distinct_id | raw }}"
body = "{{ properties.text }}"
parts = [{ content = "{{ distinct_id | raw }}: where" }, { content = "{{ distinct_id | raw }}: when" }]
"""


class Reminders:
    """A world in which groups are reminded."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.urls: list[str] = []
        world.write_config(ROUTES)
        # As fast as three at a time can be, unless something else holds them up.
        world.env |= {"TELLONCE_RUN_RATE": "6000"}

    async def set_groups(self) -> None:
        """Set the audience."""
        listed = [f"discord:{number}" for number in CHANNELS] + [f"discord-user:{number}" for number in PEOPLE]
        await an_audience(self.world.connection, "groups", listed)

    async def begin(self, *verbs: str) -> list[Daemon]:
        """Start daemons, and wait until they can work."""
        started = [self.world.start(verb) for verb in verbs]
        for verb, daemon in zip(verbs, started, strict=True):
            await daemon.ready()
            self.urls += [await daemon.url()] if verb == "ingest" else []
        return started

    async def stuck_after(self, number: int, name: str) -> None:
        """Have all reminded, with a Discord that takes so many messages of it and then none."""
        self.world.discord.faults.script(action="status", status=429, retry_after=0.5, after=number, times=None)
        assert "accepted" == await self.remind(name)
        runs = Runs(self.world.connection)

        async def stuck() -> bool:
            """So many are told, and three places are waited for."""
            run = await runs.read(f"reminder:{name}|discord")
            at = {destination_of(active) for active in run.active} if run else set()
            assert len(at) <= 3
            return run is not None and run.done == number and len(at) == 3

        await until(stuck)

    async def remind(self, name: str, at: datetime | None = None, ingest: int = 0, **fields: Any) -> str:
        """Have all groups reminded of something; give the answer."""
        properties = {part: fields.pop(part) for part in ("text", "account") if part in fields}
        event = {"event": "reminder", "distinct_id": name, "properties": properties, **fields}
        _, answer = await submit(self.urls[ingest], event | ({"deliver_at": at.isoformat()} if at else {}))
        return str(answer["results"][0]["status"])

    def told(self, name: str = "") -> dict[int, list[str]]:
        """What each was told of something, in order."""
        return {
            place: [text for message in heard for text in _texts(message) if text.startswith(name)]
            for place, heard in self._heard()
        }

    def number_told(self, name: str = "") -> int:
        """How many messages there are about something."""
        return len(list(chain(*self.told(name).values())))

    def at_once(self) -> int:
        """To how many places requests were under way at once, at most."""
        posts = [post for post in self.world.discord.traffic.requests if post.creates and post.end]
        return max(
            len({other.channel for other in posts if other.start <= post.start < (other.end or 0)}) for post in posts
        )

    async def holds(self) -> bool:
        """Say whether nothing is lost or invented."""
        return (await verify(self.world.connection)).holds

    def _heard(self) -> Iterator[tuple[int, list[Message]]]:
        for channel in CHANNELS:
            yield channel, self.world.discord.messages(channel)
        for person in PEOPLE:
            yield person, self.world.discord.told(person)


def all_parts(name: str) -> list[str]:
    """What everyone is to be told of something."""
    return [name, f"{name}: where", f"{name}: when"]


def _texts(message: Message) -> list[str]:
    # Below a plain text stands the mark by which it is known again.
    return [embed["title"] for embed in message.embeds] or [message.content.splitlines()[0]]
