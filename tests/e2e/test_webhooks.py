"""Endpoints that come, change and go while everything runs, and a courier that is killed meanwhile."""

from itertools import count

import pytest

from telemetry.core.delivery import State
from telemetry.ops.verify import verify
from telemetry.store.deliveries import Deliveries
from tests.e2e.world import World, submit
from tests.receiver import SECRET, Receiver, Reply
from tests.until import until


class Story:
    """One world with a receiver in it."""

    def __init__(self, world: World, receiver: Receiver) -> None:
        self.world = world
        self.receiver = receiver
        self.sent: list[str] = []
        self._numbers = count(1)
        self._ingest = ""

    async def begin(self) -> None:
        """Start everything but the courier."""
        ingest, watch = self.world.start_plainly("ingest"), self.world.start_plainly("watch")
        self._ingest = await (await ingest.ready()).url()
        await watch.ready()

    async def post(self) -> str:
        """Send one more fact."""
        subject = f"u{next(self._numbers)}"
        status, _ = await submit(self._ingest, {"event": "sign_up", "distinct_id": subject})
        assert status == 202
        self.sent.append(f"sign_up:{subject}")
        return self.sent[-1]

    def typed(self, *words: str) -> None:
        """Type a command."""
        done = self.world.start_plainly("webhooks", *words)
        assert 0 == done.process.wait(30), done.text()

    async def until_told(self, *keys: str) -> None:
        """Wait until the receiver has heard of facts."""

        async def told() -> bool:
            """It has heard of all of them."""
            return set(keys) <= set(self.receiver.taken)

        await until(told)

    async def until_parked(self, key: str) -> None:
        """Wait until a fact's delivery is parked."""

        async def parked() -> bool:
            """It is."""
            rows = await Deliveries(self.world.connection, "webhook").of_event(key)
            return [State.PARKED] == [row.state for row in rows]

        await until(parked)

    async def until_known(self) -> None:
        """Send facts until one is told: then everybody knows the endpoint."""

        async def known() -> bool:
            """One that was sent since is told."""
            return bool(set(self.receiver.taken) & {await self.post(), *self.sent[-10:]})

        await until(known, 40, every=0.5)


@pytest.mark.slow
async def test_endpoints_come_change_and_go_while_everything_runs(world: World) -> None:
    async with Receiver() as receiver:
        story = Story(world, receiver)
        await story.begin()
        courier = await world.start_plainly("courier", "webhook").ready()
        unheard = await story.post()
        story.typed("add", "crm", receiver.url, "--secret", SECRET)
        await story.until_known()
        assert unheard not in receiver.taken

        story.typed("disable", "crm")
        off = await story.post()
        await story.until_parked(off)
        story.typed("enable", "crm")
        await story.until_told(off)

        story.typed("remove", "crm", "--yes")
        # What is offered while the watcher has yet to hear of it waits for one of that name.
        late = await story.post()
        story.typed("add", "crm", receiver.url, "--secret", SECRET)
        await story.until_known()
        if await Deliveries(world.connection, "webhook").of_event(late):
            await story.until_told(late)
        assert 0 == courier.stop()
    assert not receiver.refused
    assert len(receiver.taken) == len(set(receiver.taken))
    assert (await verify(world.connection)).holds


@pytest.mark.slow
async def test_a_courier_that_is_killed_again_and_again_loses_nothing(world: World) -> None:
    async with Receiver() as receiver:
        receiver.always = Reply(seconds=0.05)
        story = Story(world, receiver)
        await story.begin()
        story.typed("add", "crm", receiver.url, "--secret", SECRET)
        for _ in range(4):
            courier = await world.start_plainly("courier", "webhook").ready()
            keys = [await story.post() for _ in range(5)]
            await story.until_told(keys[0])
            courier.kill()
        courier = await world.start_plainly("courier", "webhook").ready()
        await story.until_told(*story.sent)
        assert all(1 == len(receiver.ids(key)) for key in story.sent)
        assert sorted(story.sent) == sorted(receiver.taken)
        assert 0 == courier.stop()
