"""Whatever happens to ingest, each fact is shown once, and every answer is true."""

import aiohttp
import anyio

from tests.e2e.world import World, submit

U42 = {"event": "sign_up", "distinct_id": "u42", "properties": {"plan": "pro"}}


async def test_a_fact_posted_to_ingest_appears_in_discord(world: World) -> None:
    for verb in ("watch", "bot"):
        world.start(verb)
    url = await (await world.start("ingest").ready()).url()

    status, answer = await submit(url, U42)
    assert (202, "accepted", "sign_up:u42") == (status, answer["results"][0]["status"], answer["results"][0]["id"])
    await world.until_shown(["sign_up:u42"])


async def test_killed_after_the_write_and_before_the_answer_the_same_sent_again_is_a_duplicate(world: World) -> None:
    caught = world.start("ingest", "inserted")
    url = await caught.url()
    await caught.ready()
    async with anyio.create_task_group() as group:

        async def lose_the_answer() -> None:
            try:
                await submit(url, U42)
            except aiohttp.ClientError:
                return
            raise AssertionError("the answer should have been lost")

        group.start_soon(lose_the_answer)
        await caught.caught()
        caught.kill()
    url = await (await world.start("ingest").ready()).url()
    status, answer = await submit(url, U42)
    assert (202, "duplicate") == (status, answer["results"][0]["status"])

    world.start("watch")
    world.start("bot")
    await world.until_settled(["sign_up:u42"])
    assert ["sign_up:u42"] == world.shown()


async def test_the_first_body_stands_and_repeats_in_other_words_are_duplicates(world: World) -> None:
    for verb in ("watch", "bot"):
        world.start(verb)
    url = await (await world.start("ingest").ready()).url()
    reordered = {
        "time": "2026-01-02T03:04:05Z",
        "properties": {"plan": "pro"},
        "distinct_id": "u42",
        "event": "sign_up",
    }
    other = U42 | {"properties": {"plan": "free"}}

    _, answer = await submit(url, [U42, reordered, other])
    assert ["accepted", "duplicate", "conflict"] == [result["status"] for result in answer["results"]]
    await world.until_settled(["sign_up:u42"])
    _, answer = await submit(url, [other, reordered])
    assert ["conflict", "duplicate"] == [result["status"] for result in answer["results"]]
    assert ["properties.plan"] == answer["results"][0]["differs"]
    assert ["sign_up:u42"] == world.shown()


async def test_two_routes_of_one_event_to_one_channel_make_one_post(world: World) -> None:
    world.write_config('[[discord.routes]]\nevents = ["*"]\nchannel = "community"\ntitle = "again {{ key }}"')
    for verb in ("watch", "bot"):
        world.start(verb)
    await world.store(["sign_up:u42"])
    await world.until_settled(["sign_up:u42"])
    assert ["sign_up:u42"] == world.shown()


async def test_two_ingests_with_other_policies_never_key_one_fact_in_two_ways(world: World) -> None:
    first = await world.start("ingest").ready()
    await submit(await first.url(), U42)
    world.config.write_text('[types.sign_up]\nkey = ["distinct_id", "properties.plan"]\n')

    second = world.start("ingest")
    assert 0 != second.process.wait(20)
    assert "tellonce keys apply sign_up" in second.text()
    assert "['distinct_id']" in second.text()
