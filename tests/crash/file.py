"""The file that the daemons of a world read: which facts there are, and who is told of them."""

from collections.abc import Iterable
from enum import StrEnum

from bot.simulator.settings import COMMUNITY
from tests.receiver import SECRET

BADGES = COMMUNITY + 1
CHANNELS = {COMMUNITY: "community", BADGES: "badges"}
TYPES = """
[types.tick]
key = ["distinct_id", "properties.number"]
[types.news]
key = ["distinct_id"]
[types.order]
key = ["distinct_id"]
"""
DISCORD = f"""
[discord.channels]
community = "{COMMUNITY}"
badges = "{BADGES}"
[[discord.routes]]
events = ["sign_up", "beat"]
channel = "community"
title = "{{{{ key | raw }}}}"
footer = "revision {{{{ properties.revision | default(0) }}}}"
[[discord.routes]]
events = ["badge_awarded"]
channel = "badges"
title = "{{{{ key | raw }}}}"
[[discord.routes]]
events = ["gift"]
channel = "community"
title = "{{{{ distinct_id | raw }}}}"
[[discord.routes]]
events = ["news"]
audiences = ["everyone", "staff"]
account = "{{{{ distinct_id }}}}"
title = "{{{{ key | raw }}}}"
parts = [{{ title = "{{{{ key | raw }}}} again" }}]
"""
WEBHOOK = f"""
[webhook.endpoints.crm]
secret = "{SECRET}"
events = ["sign_up", "tick"]
ordered = true
"""


class Outlet(StrEnum):
    """Whom the facts of a world are told."""

    DISCORD = "discord"
    WEBHOOK = "webhook"


def spell(outlets: Iterable[Outlet], receiver: str) -> str:
    """Spell the file of a world with some outlets, and the receiver at an address."""
    told = {Outlet.DISCORD: DISCORD, Outlet.WEBHOOK: f'{WEBHOOK}url = "{receiver}"\n'}
    return TYPES + "".join(told[outlet] for outlet in outlets)
