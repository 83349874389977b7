"""Discord's part of `tellonce check`: the token, and what it may do in each channel."""

from collections.abc import Mapping
from typing import Any

import aiohttp
import discord

from bot.client import point_at
from bot.lookout import Lookout
from telemetry.core.errors import UnavailableError
from telemetry.ops.check import PERMISSION, TOKEN, Finding
from telemetry.runtime.config import Config
from telemetry.runtime.settings import Settings

NO_HISTORY = "a delivery of unknown outcome is parked there instead of looked up; grant it in the channel's settings"


async def check(settings: Settings, config: Config) -> list[Finding]:
    """Look at the token and at each channel's permissions."""
    if settings.discord_token is None:
        return [Finding("warning", "no DISCORD_TOKEN: the bot cannot run here", "set it to the bot's token")]
    point_at(settings.discord_api_base, settings.discord_gateway)
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(settings.discord_token.get_secret_value())
        except discord.LoginFailure:
            return [Finding("error", "Discord refuses the token", "set DISCORD_TOKEN to the bot's token", TOKEN)]
        except (aiohttp.ClientError, discord.HTTPException, OSError) as error:
            return [Finding("error", f"Discord does not answer: {error}", "try again later", TOKEN)]
        me = client.user
        findings = [Finding("ok", f"Discord knows the bot as {me}")]
        channels: Mapping[str, str] = config.section("discord").get("channels", {})
        lookout, guilds = Lookout(client, str(me.id) if me else ""), dict[str, Any]()
        for name, channel in channels.items():
            findings.append(await _channel(lookout, guilds, name, channel))
    return findings


async def _channel(lookout: Lookout, guilds: dict[str, Any], name: str, channel: str) -> Finding:
    try:
        rights = await lookout.rights(channel, guilds)
    except UnavailableError as error:
        return Finding("warning", f"channel {name}: {error}", "try again later")
    except discord.NotFound:
        step = "correct its id under [discord.channels]"
        return Finding("error", f"channel {name} ({channel}): there is none", step, PERMISSION)
    except discord.Forbidden:
        step = "invite the bot to its server and give it View Channel"
        return Finding("error", f"channel {name} ({channel}): the bot cannot see it", step, PERMISSION)
    missing = [right for right in rights.missing if right != "Read Message History"]
    if missing:
        step = "grant them in the channel's settings"
        return Finding("error", f"channel {name}: the bot lacks {', '.join(missing)}", step, PERMISSION)
    if not rights.history:
        return Finding("warning", f"channel {name}: the bot lacks Read Message History", NO_HISTORY)
    return Finding("ok", f"channel {name}: the bot may post and look back")
