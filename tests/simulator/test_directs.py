"""Direct messages, as Discord has them."""

import asyncio
from pathlib import Path
from typing import Any

import discord
import pytest

from bot.simulator import Simulator, SimulatorSettings
from bot.simulator.__main__ import read
from bot.simulator.people import BOT
from tests.simulator.conftest import CHANNELS, COMMUNITY, TOKEN, Hand, Poster, posting_to
from tests.simulator.test_client import connected

ADA, BOB = 300000000000000001, 300000000000000002


async def open_direct(poster: Poster, user: object = ADA) -> tuple[int, Any]:
    status, body, _ = await poster.call("POST", "/users/@me/channels", json={"recipient_id": str(user)})
    return status, body


async def test_a_direct_message_is_opened_once_and_posted_to_like_a_channel(
    simulator: Simulator, poster: Poster
) -> None:
    simulator.users.add(ADA, "ada")
    status, opened = await open_direct(poster)
    assert (status, opened["type"], [user["username"] for user in opened["recipients"]]) == (200, 1, ["ada"])
    assert "guild_id" not in opened
    assert opened == (await open_direct(poster))[1]

    channel = int(opened["id"])
    _, posted, _ = await poster.post("hi", channel=channel, nonce="n", enforce_nonce=True)
    _, again, _ = await poster.post("hi", channel=channel, nonce="n", enforce_nonce=True)
    assert posted["id"] == again["id"]
    assert (await poster.call("GET", f"/channels/{channel}"))[1]["last_message_id"] == posted["id"]
    (seen,) = (await poster.call("GET", f"/channels/{channel}/messages"))[1]
    assert seen["content"] == "hi"
    assert [message.content for message in simulator.told(ADA)] == ["hi"]
    assert simulator.messages(COMMUNITY) == []


async def test_a_nonce_belongs_to_one_user(poster: Poster) -> None:
    channels = [int((await open_direct(poster, user))[1]["id"]) for user in (ADA, BOB)]
    posted = {(await poster.post(channel=channel, nonce="n", enforce_nonce=True))[1]["id"] for channel in channels}
    assert len(posted) == len(set(channels)) == 2


@pytest.mark.parametrize(
    ("user", "status", "code"),
    [(ADA, 400, 50033), (7, 400, 50033), ("ada", 400, 50035), (BOT.id, 400, 50007)],
)
async def test_who_is_not_there_cannot_be_written_to(
    simulator: Simulator, poster: Poster, user: object, status: int, code: int
) -> None:
    simulator.users.remove(ADA)
    refused, body = await open_direct(poster, user)
    assert (refused, body["code"]) == (status, code)


async def test_strangers_are_known_unless_told_otherwise(poster: Poster, settings: SimulatorSettings) -> None:
    assert (await open_direct(poster, BOB))[0] == 200
    async with (
        Simulator(SimulatorSettings(token=TOKEN, users={ADA: "ada"}, strangers=False)) as strict,
        posting_to(strict) as stern,
    ):
        assert [(await open_direct(stern, user))[0] for user in (ADA, BOB)] == [200, 400]


async def test_who_takes_no_direct_messages_is_opened_and_refused_when_posted_to(poster: Poster) -> None:
    """
    The refusal comes from the post, and goes when the user takes some again.
    """
    await poster.sim("POST", "/users", {"id": str(ADA), "name": "ada", "directs": False})
    _, opened = await open_direct(poster)
    status, body, _ = await poster.post(channel=int(opened["id"]))
    assert (status, body["code"], body["message"]) == (403, 50007, "Cannot send messages to this user")
    changed = await poster.sim("POST", "/users", {"id": str(ADA), "directs": True})
    assert changed == {"id": str(ADA), "name": "ada", "directs": True}
    assert (await poster.post(channel=int(opened["id"])))[0] == 200


async def test_a_channel_that_nobody_opened_is_unknown(simulator: Simulator, poster: Poster) -> None:
    channel = int((await open_direct(poster))[1]["id"])
    assert (await poster.post(channel=channel + 1))[1]["code"] == 10003
    await poster.sim("DELETE", f"/users/{ADA}")
    assert (await poster.post(channel=channel))[1]["code"] == 50007


async def test_too_many_openings_in_a_period_are_refused_and_what_is_open_stays_open(
    poster: Poster, clock: Hand
) -> None:
    await poster.sim("POST", "/limits", {"openings": 1, "period": 600})
    assert (await open_direct(poster, ADA))[0] == 200
    status, body = await open_direct(poster, BOB)
    assert (status, body["code"]) == (403, 40003)
    assert (await open_direct(poster, ADA))[0] == 200
    clock.time += 600
    assert (await open_direct(poster, BOB))[0] == 200
    await poster.sim("POST", "/limits", {"openings": None})
    assert (await open_direct(poster, ADA + 5))[0] == 200


async def test_a_fault_meets_the_opening_alone(poster: Poster) -> None:
    await poster.sim("POST", "/faults", {"action": "status", "status": 400, "code": 40003, "route": "channels"})
    assert (await poster.post())[0] == 200
    assert (await open_direct(poster))[1]["code"] == 40003
    assert (await open_direct(poster))[0] == 200


async def test_direct_messages_outlive_a_restart(tmp_path: Path, clock: Hand) -> None:
    settings = SimulatorSettings(token=TOKEN, channels=CHANNELS, users={ADA: "ada"}, state=tmp_path / "messages.jsonl")
    async with Simulator(settings, clock) as simulator, posting_to(simulator) as poster:
        for user in (ADA, BOB):
            _, opened = await open_direct(poster, user)
        await poster.post("hi", channel=int((await open_direct(poster, ADA))[1]["id"]))
    async with Simulator(settings, clock) as simulator, posting_to(simulator) as poster:
        assert [message.content for message in simulator.told(ADA)] == ["hi"]
        assert (await poster.post("later", channel=int(opened["id"])))[0] == 200
        assert [message.content for message in simulator.told(BOB)] == ["later"]


async def test_the_control_api_lists_whom_the_bot_wrote_to_last_first(poster: Poster) -> None:
    for user in (ADA, BOB, ADA):
        await poster.post(channel=int((await open_direct(poster, user))[1]["id"]))
    found = await poster.sim("GET", "/directs?limit=1")
    (latest,) = found["directs"]
    assert (found["posted"], latest["user"], latest["posted"]) == (3, str(ADA), 2)


async def test_a_client_hears_its_direct_message_with_its_nonce_and_the_users_answer(
    client: discord.Client, poster: Poster
) -> None:
    client._connection._intents.dm_messages = True
    async with connected(client):
        direct = await client.create_dm(discord.Object(ADA))
        hearing = asyncio.ensure_future(client.wait_for("message"))
        sent = await direct.send("hello", nonce="n1")
        heard = await hearing
        assert (heard.id, heard.nonce, heard.guild) == (sent.id, "n1", None)
        assert isinstance(heard.channel, discord.DMChannel)

        answering = asyncio.ensure_future(client.wait_for("message"))
        await poster.sim("POST", "/messages", {"channel": str(direct.id), "content": "thanks"})
        assert ((await answering).author.id, (await answering).content) == (ADA, "thanks")


async def test_a_client_without_the_intent_hears_no_direct_message(client: discord.Client) -> None:
    async with connected(client) as channel:
        direct = await client.create_dm(discord.Object(ADA))
        hearing = asyncio.ensure_future(client.wait_for("message"))
        await direct.send("unheard")
        await channel.send("heard")
        assert (await hearing).content == "heard"


async def test_an_open_page_is_told_of_a_direct_message(poster: Poster) -> None:
    channel = int((await open_direct(poster))[1]["id"])
    async with poster.session.ws_connect(f"{poster.url}/_sim/stream") as stream:
        await poster.post("hi", channel=channel)
        told = await stream.receive_json()
        assert (told["event"], told["data"]["channel_id"]) == ("MESSAGE_CREATE", str(channel))
        assert "guild_id" not in told["data"]


async def test_a_misspelt_user_is_named(poster: Poster) -> None:
    async with poster.session.post(f"{poster.url}/_sim/users", json={"id": "x"}) as answer:
        assert (answer.status, "x" in (await answer.json())["error"]) == (400, True)


def test_users_are_named_on_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    settings = read(["--user", f"{ADA}=ada", "--user", f"{BOB}=bob", "--no-strangers"])
    assert (dict(settings.users), settings.strangers) == ({ADA: "ada", BOB: "bob"}, False)
    assert (dict(read([]).users), read([]).strangers) == ({}, True)
    with pytest.raises(SystemExit):
        read(["--user", "ada"])
    assert "ID=NAME" in capsys.readouterr().err
