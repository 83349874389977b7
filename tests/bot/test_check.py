"""`tellonce check` names what Discord would refuse, before anything is posted."""

from typing import Any

import pytest

from bot.check import check
from bot.permissions import Rights, rights
from bot.simulator.guild import Permissions
from bot.simulator.settings import COMMUNITY
from bot.simulator.simulator import Simulator
from telemetry.ops.check import Finding
from telemetry.runtime.config import parse_config
from telemetry.runtime.settings import Settings


async def look(discord: Simulator, channel: int = COMMUNITY, **settings: Any) -> Finding:
    """Check, and give the last finding."""
    env = {"discord_token": discord.settings.token, "discord_api_base": discord.api_base} | settings
    config = parse_config(f'[discord.channels]\ncommunity = "{channel}"')
    return (await check(Settings.model_validate(env), config))[-1]


async def test_a_channel_that_is_set_up_right_is_found_right() -> None:
    async with Simulator() as discord:
        assert "ok" == (await look(discord)).level


async def test_a_wrong_token_is_exit_code_4() -> None:
    async with Simulator() as discord:
        finding = await look(discord, discord_token="wrong")
    assert ("error", 4) == (finding.level, finding.exit_code)
    assert "DISCORD_TOKEN" in finding.next_step


@pytest.mark.parametrize(
    ("lacking", "named"), [("send", "Send Messages"), ("embed", "Embed Links"), ("view", "cannot see")]
)
async def test_a_missing_permission_is_exit_code_5_and_is_named(lacking: str, named: str) -> None:
    async with Simulator() as discord:
        discord.world.permit(next(iter(discord.channels)), Permissions(**{lacking: False}))
        finding = await look(discord)
    assert ("error", 5, True) == (finding.level, finding.exit_code, named in finding.what)


async def test_a_channel_that_is_not_there_is_exit_code_5() -> None:
    async with Simulator() as discord:
        finding = await look(discord, channel=999999999999999999)
    assert ("error", 5, True) == (finding.level, finding.exit_code, "there is none" in finding.what)


async def test_a_history_that_cannot_be_read_is_a_warning() -> None:
    async with Simulator() as discord:
        discord.world.permit(next(iter(discord.channels)), Permissions(history=False))
        finding = await look(discord)
    assert ("warning", True) == (finding.level, "Read Message History" in finding.what)


GUILD = {
    "id": "1",
    "owner_id": "9",
    "roles": [{"id": "1", "permissions": "0"}, {"id": "2", "permissions": str(1 << 10)}],
}
MEMBER = {"roles": ["2"]}
SEND = 1 << 11


@pytest.mark.parametrize(
    ("overwrites", "send"),
    [
        ([], False),
        ([{"id": "1", "allow": str(SEND), "deny": "0"}], True),
        ([{"id": "1", "allow": str(SEND), "deny": "0"}, {"id": "2", "allow": "0", "deny": str(SEND)}], False),
        ([{"id": "2", "allow": "0", "deny": str(SEND)}, {"id": "7", "allow": str(SEND), "deny": "0"}], True),
        ([{"id": "8", "allow": str(SEND), "deny": "0"}], False),
        ([{"id": "1", "allow": str(SEND), "deny": "0"}, {"id": "7", "allow": "0", "deny": str(1 << 10)}], False),
    ],
)
def test_overwrites_count_from_everyone_to_roles_to_the_member(overwrites: list[dict[str, str]], send: bool) -> None:
    assert send is rights({"permission_overwrites": overwrites}, GUILD, MEMBER, "7").send


def test_the_owner_and_an_administrator_may_do_everything() -> None:
    everything = Rights(view=True, send=True, embed=True, history=True)
    assert everything == rights({}, GUILD, MEMBER, "9")
    admin = GUILD | {"roles": [{"id": "2", "permissions": str(1 << 3)}]}
    assert everything == rights({}, admin, MEMBER, "7")
