"""The unmodified discord.py finds a Discord here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import discord
import pytest

from bot.simulator import Simulator
from tests.simulator.conftest import COMMUNITY, TOKEN, Poster, until


@asynccontextmanager
async def connected(client: discord.Client) -> AsyncIterator[discord.TextChannel]:
    running = asyncio.ensure_future(client.start(TOKEN))
    try:
        async with asyncio.timeout(5):
            await until(lambda: running.done() or client.is_ready())
            channel = client.get_channel(COMMUNITY)
            assert isinstance(channel, discord.TextChannel)
            yield channel
    finally:
        await client.close()
        with suppress(discord.ConnectionClosed):
            await running


async def test_a_client_logs_in_posts_and_hears_its_message_with_its_nonce(client: discord.Client) -> None:
    async with connected(client) as channel:
        hearing = asyncio.ensure_future(client.wait_for("message"))
        sent = await channel.send("hello", embed=discord.Embed(title="hi"), nonce="n1")
        heard = await hearing

        assert sent.id == heard.id
        assert heard.nonce == "n1"
        assert heard.content == "hello"
        assert heard.embeds[0].title == "hi"
        assert client.user is not None
        assert heard.author.id == client.user.id


async def test_a_client_that_sends_the_same_nonce_twice_gets_the_same_message(
    client: discord.Client, simulator: Simulator
) -> None:
    async with connected(client) as channel:
        first = await channel.send("once", nonce="n1")
        second = await channel.send("twice", nonce="n1")

        assert first.id == second.id
        assert len(simulator.messages(COMMUNITY)) == 1


async def test_a_client_posts_without_the_gateway(client: discord.Client, simulator: Simulator) -> None:
    await client.login(TOKEN)
    await client.get_partial_messageable(COMMUNITY).send("early")

    assert [message.content for message in simulator.messages(COMMUNITY)] == ["early"]


async def test_a_client_reads_history_newest_first(client: discord.Client) -> None:
    async with connected(client) as channel:
        for number in range(3):
            await channel.send(str(number))

        assert [message.content async for message in channel.history(limit=2)] == ["2", "1"]


async def test_a_file_can_be_attached(client: discord.Client, tmp_path: Path) -> None:
    (tmp_path / "note.txt").write_text("seven b")
    async with connected(client) as channel:
        sent = await channel.send("look", file=discord.File(tmp_path / "note.txt"))

        assert sent.content == "look"
        assert (sent.attachments[0].filename, sent.attachments[0].size) == ("note.txt", 7)


async def test_a_refused_token_ends_the_login(client: discord.Client) -> None:
    with pytest.raises(discord.LoginFailure):
        await client.login("another-token")


async def test_the_gateway_refuses_a_token_with_4004(client: discord.Client, simulator: Simulator) -> None:
    await client.login(TOKEN)
    simulator.world.token_valid = False
    with pytest.raises(discord.ConnectionClosed) as refused:
        await client.connect()
    assert refused.value.code == 4004


async def test_a_dropped_connection_resumes_and_misses_nothing(
    client: discord.Client, simulator: Simulator, poster: Poster
) -> None:
    heard: list[str] = []

    async def on_message(message: discord.Message) -> None:
        heard.append(message.content)

    client.event(on_message)
    async with connected(client):
        resumed = asyncio.ensure_future(client.wait_for("resumed"))
        simulator.gateway.drop()
        await poster.post("while away")
        await resumed
        await until(lambda: heard == ["while away"])


async def test_a_forgotten_session_cannot_be_resumed(simulator: Simulator, poster: Poster) -> None:
    async with poster.session.ws_connect(simulator.gateway_url) as socket:
        await socket.receive_json()
        await socket.send_json({"op": 2, "d": {"token": TOKEN, "intents": 1}})
        session = (await socket.receive_json())["d"]["session_id"]
    assert await poster.sim("POST", "/gateway", {"drop": True, "forget": True}) is not None
    async with poster.session.ws_connect(simulator.gateway_url) as socket:
        await socket.receive_json()
        await socket.send_json({"op": 6, "d": {"token": TOKEN, "session_id": session, "seq": 1}})
        assert (await socket.receive_json()) == {"op": 9, "t": None, "s": None, "d": False}


async def test_changed_permissions_are_heard_and_computed_alike(client: discord.Client, poster: Poster) -> None:
    async with connected(client):
        changed = asyncio.ensure_future(client.wait_for("guild_channel_update"))
        await poster.sim("POST", f"/channels/{COMMUNITY}/permissions", {"send": False, "history": False})
        _, channel = await changed

        mine = channel.permissions_for(channel.guild.me)
        assert (mine.view_channel, mine.send_messages, mine.read_message_history) == (True, False, False)


async def test_a_changed_role_is_heard_and_holds_in_every_channel(client: discord.Client, poster: Poster) -> None:
    async with connected(client) as channel:
        changed = asyncio.ensure_future(
            client.wait_for("guild_role_update", check=lambda _, role: role.name == "tellonce")
        )
        await poster.sim("POST", "/guild/permissions", {"send": False})
        await changed

        assert not channel.permissions_for(channel.guild.me).send_messages
        assert (await poster.post())[1]["code"] == 50013


async def test_channels_come_and_go(client: discord.Client, poster: Poster) -> None:
    async with connected(client):
        made = asyncio.ensure_future(client.wait_for("guild_channel_create"))
        await poster.sim("POST", "/channels", {"id": "7", "name": "lucky"})
        assert (await made).name == "lucky"

        gone = asyncio.ensure_future(client.wait_for("guild_channel_delete"))
        await poster.sim("DELETE", "/channels/7")
        assert (await gone).id == 7


async def test_without_the_intent_messages_are_not_heard(simulator: Simulator, poster: Poster) -> None:
    async with poster.session.ws_connect(simulator.gateway_url) as socket:
        assert (await socket.receive_json())["op"] == 10
        await socket.send_json({"op": 2, "d": {"token": TOKEN, "intents": 1}})
        assert [(await socket.receive_json())["t"] for _ in "12"] == ["READY", "GUILD_CREATE"]
        await poster.post()
        await poster.sim("POST", "/channels", {"id": "7", "name": "lucky"})

        assert (await socket.receive_json())["t"] == "CHANNEL_CREATE"


async def test_a_paced_gateway_refuses_the_second_identify_in_five_seconds(
    simulator: Simulator, poster: Poster
) -> None:
    simulator.gateway.paced = True
    for answer in (0, 9):
        async with poster.session.ws_connect(simulator.gateway_url) as socket:
            await socket.receive_json()
            await socket.send_json({"op": 2, "d": {"token": TOKEN, "intents": 1}})
            assert (await socket.receive_json())["op"] == answer
